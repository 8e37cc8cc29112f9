import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A program's path by the shell's own search; undefined when there is none. */
export async function findProgram(name: string): Promise<string | undefined> {
  try {
    const { stdout } = await run('/bin/sh', ['-c', 'command -v -- "$1"', 'sh', name])
    return stdout.trim() || undefined
  } catch {
    return undefined // a missing program is an exit status of 127
  }
}

export interface ContainerdPrograms {
  readonly containerd: string
  readonly release: { readonly major: number; readonly minor: number }
  /** OCI runtimes beside runc, by the name under which K3s offers them. */
  readonly runtimes: Readonly<Record<string, string>>
}

/** Source: K3s, "alternative container runtimes". */
const OTHER_RUNTIMES: Readonly<Record<string, string>> = {
  crun: 'crun',
  nvidia: 'nvidia-container-runtime',
  'nvidia-cdi': 'nvidia-container-runtime.cdi',
  'nvidia-experimental': 'nvidia-container-runtime-experimental',
}

/** Finds containerd, its shim and runc. Throws an Error that names what is missing and how to get it. */
export async function findContainerd(): Promise<ContainerdPrograms> {
  const needed = ['containerd', 'containerd-shim-runc-v2', 'runc']
  const paths = await Promise.all(needed.map(findProgram))
  const missing = needed.filter((_, index) => paths[index] === undefined)
  const [containerd] = paths
  if (containerd === undefined || missing.length > 0) {
    throw new Error(
      `not found on PATH: ${missing.join(', ')}. Install the container runtime (Debian: apt install containerd runc), ` +
        'or name a running one with --container-runtime-endpoint',
    )
  }
  return { containerd, release: parseRelease((await run(containerd, ['--version'])).stdout), runtimes: await findRuntimes() }
}

/** `containerd github.com/containerd/containerd 1.6.20~ds1 …` or `… v2.1.4 …`. */
export function parseRelease(text: string): ContainerdPrograms['release'] {
  const match = /\bv?(\d+)\.(\d+)\./.exec(text)
  if (match === null) throw new Error(`containerd --version printed no version: ${text.trim()}`)
  return { major: Number(match[1]), minor: Number(match[2]) }
}

async function findRuntimes(): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {}
  for (const [name, program] of Object.entries(OTHER_RUNTIMES)) {
    const path = await findProgram(program)
    if (path !== undefined) found[name] = path
  }
  return found
}
