import type { Writable } from 'node:stream'

/** Resolves when more may be written, or never will be: the writer looks at `destroyed` next. */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off('drain', settle).off('close', settle)
      resolve()
    }
    if (stream.destroyed || !stream.writableNeedDrain) resolve()
    else stream.on('drain', settle).on('close', settle)
  })
}
