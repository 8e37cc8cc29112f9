/**
 * Sets of completion indexes as the Job API writes them: `1,3-5,7`. Source: Kubernetes documentation, "Jobs", indexed.
 */

/** Parts that are no index below `completions` are left out. */
export function parseIndexes(text: string | undefined, completions: number): ReadonlySet<number> {
  const indexes = new Set<number>()
  for (const part of (text ?? '').split(',')) {
    const [first = '', last = first] = part.split('-')
    if (!/^[0-9]+$/.test(first) || !/^[0-9]+$/.test(last)) continue
    for (let index = Number(first); index <= Number(last) && index < completions; index++) indexes.add(index)
  }
  return indexes
}

/** `1,3-5` for 1, 3, 4, 5: runs of three and more are ranges. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b)
  const parts: string[] = []
  for (let start = 0; start < sorted.length; ) {
    let end = start
    while (end + 1 < sorted.length && sorted[end + 1] === (sorted[end] ?? 0) + 1) end++
    const [first, last] = [sorted[start] ?? 0, sorted[end] ?? 0]
    // Two neighbours stand apart by a comma, three and more as a range.
    parts.push(first === last ? String(first) : `${first}${last === first + 1 ? ',' : '-'}${last}`)
    start = end + 1
  }
  return parts.join(',')
}

/** The lowest indexes below `completions` that none of `taken` has. */
export function firstFree(count: number, completions: number, taken: ReadonlySet<number>): readonly number[] {
  const free: number[] = []
  for (let index = 0; index < completions && free.length < count; index++) if (!taken.has(index)) free.push(index)
  return free
}
