import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The few mount operations that volumes need; `mount` and `umount` of the system do the work. */
export const mounts = {
  async tmpfs(target: string, options: { readonly sizeBytes?: number | undefined }): Promise<void> {
    const size = options.sizeBytes === undefined ? '' : `,size=${options.sizeBytes}`
    await run('mount', ['-t', 'tmpfs', '-o', `rw,nosuid,nodev,relatime${size}`, 'tmpfs', target])
  },

  async bind(source: string, target: string): Promise<void> {
    await run('mount', ['--bind', source, target])
  },

  async nfs(source: string, target: string, options: readonly string[]): Promise<void> {
    await run('mount', ['-t', 'nfs', ...(options.length > 0 ? ['-o', options.join(',')] : []), source, target])
  },

  /** Lazily when something still uses it: the files go when the last user does. */
  async unmount(target: string): Promise<void> {
    await run('umount', [target]).catch(() => run('umount', ['-l', target]))
  },

  isMounted(target: string): boolean {
    return mounts.below(target).includes(target)
  },

  /** Mount points at or below a path, the deepest first. */
  below(path: string): readonly string[] {
    const points = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => unescape(line.split(' ')[4] ?? ''))
    return points.filter((point) => point === path || point.startsWith(`${path}/`)).sort((a, b) => b.length - a.length)
  },
}

/** The kernel writes blanks and backslashes in mount points as octal numbers. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
