import { readFile } from 'node:fs/promises'

/** True for a failed system call with one of these codes. */
export function isErrno(err: unknown, ...codes: readonly string[]): err is NodeJS.ErrnoException {
  return err instanceof Error && 'code' in err && codes.includes(String(err.code))
}

/** For files where "absent" is a fine answer; every other failure passes through. */
export async function ignoreMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result
  } catch (err) {
    if (isErrno(err, 'ENOENT', 'ENOTDIR')) return undefined
    throw err
  }
}

/** Text of a file, undefined when it is absent; other failures are thrown. */
export function readOptional(path: string): Promise<string | undefined> {
  return ignoreMissing(readFile(path, 'utf8'))
}
