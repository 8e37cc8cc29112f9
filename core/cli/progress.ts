import type { Clock } from '../runtime/clock.ts'

/** The short report of a start: one line a step with how long it took. Goes to standard output; logs go elsewhere. */
export interface Progress {
  step<T>(name: string, work: () => Promise<T>): Promise<T>
  say(text: string): void
}

/** Tells steps with the time that each took. What ends once the server stops was given up and did not fail. */
export function createProgress(clock: Clock, write: (text: string) => void, isStopping: () => boolean): Progress {
  return {
    step: async (name, work) => {
      const begin = clock.now()
      try {
        const result = await work()
        write(`  ${name.padEnd(28)}${((clock.now() - begin) / 1000).toFixed(2)} s\n`)
        return result
      } catch (err) {
        write(`  ${name.padEnd(28)}${isStopping() ? 'given up' : 'failed'}\n`)
        throw err
      }
    },
    say: (text) => write(`${text}\n`),
  }
}
