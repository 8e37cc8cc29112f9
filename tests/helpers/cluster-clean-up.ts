import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const KILL_ALL = new URL('../../scripts/killall', import.meta.url).pathname
const SOCKET = '/run/k3ts/containerd/containerd.sock'

/** Ends what a cluster runs on this machine: server, containerd, pods, mounts, network, cgroups, logs. Its data folder stays. */
export function cleanUpNode(dataDir: string): string {
  const { status, stdout, stderr } = spawnSync(KILL_ALL, ['--data-dir', dataDir, '--logs'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`scripts/killall: exit code ${status}\n${stdout}${stderr}`)
  return stdout + stderr
}

/** Process numbers of the shims of our containerd; empty when no pod runs. */
export function shims(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isShim(readProc(`/proc/${name}/cmdline`).split('\0')))
    .map(Number)
}

/** Mount points below these folders. */
export function mountsBelow(folders: readonly string[]): string[] {
  return readProc('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((target) => folders.some((folder) => target.startsWith(`${folder}/`)))
}

function isShim(args: readonly string[]): boolean {
  return args[0]?.includes('containerd-shim') === true && args.includes(SOCKET)
}

/** Of a file in /proc: empty when the process ended meanwhile. */
export function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // the process ended meanwhile
  }
}
