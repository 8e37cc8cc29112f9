import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Tries a real overlay mount below `root`: some file systems, and some containers, cannot carry one. Undefined when it works, else why not. */
export async function overlayProblem(root: string): Promise<string | undefined> {
  const base = join(root, 'overlay-check')
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(base, name)) as [
    string,
    string,
    string,
    string,
  ]
  try {
    for (const dir of [lower, upper, work, merged]) await mkdir(dir, { recursive: true })
    await run('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`, merged])
    await run('umount', [merged])
    return undefined
  } catch (err) {
    return err instanceof Error ? err.message.trim() : String(err)
  } finally {
    await rm(base, { recursive: true, force: true })
  }
}
