/**
 * Runs `check` until it stops throwing, with growing pauses; after `limitMs` the last failure is thrown.
 * For effects that cross a thread, a socket or a process; everything else awaits its event.
 */
export async function eventually<T>(check: () => T | Promise<T>, limitMs = 5_000): Promise<T> {
  const deadline = Date.now() + limitMs
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    try {
      return await check()
    } catch (err) {
      if (Date.now() > deadline) throw err
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
