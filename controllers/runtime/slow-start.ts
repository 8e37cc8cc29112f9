/**
 * Runs `count` equal calls in batches of 1, 2, 4, …: when the first fails (a quota, a webhook), hundreds of others that
 * would fail alike are never made. Answers the results and the first error; later batches are skipped after an error.
 */
export async function slowStart<T>(
  count: number,
  call: (index: number) => Promise<T>,
): Promise<{ readonly results: readonly T[]; readonly error?: unknown }> {
  const results: T[] = []
  for (let next = 0, size = 1; next < count; next += size, size = Math.min(size * 2, 128)) {
    const batch = Array.from({ length: Math.min(size, count - next) }, (_, i) => call(next + i))
    const outcomes = await Promise.allSettled(batch)
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') results.push(outcome.value)
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) return { results, error: failed.reason }
  }
  return { results }
}
