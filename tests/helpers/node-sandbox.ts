import { execFileSync, spawnSync } from 'node:child_process'
import { setMaxListeners } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AgentPaths, agentPaths } from '../../core/agent/paths.ts'
import { readProc } from './cluster-clean-up.ts'

/** A private place for one test's containerd, pods and cgroups on this machine; `dispose` leaves nothing behind. */
export interface NodeSandbox extends AsyncDisposable {
  readonly dir: string
  readonly paths: AgentPaths
  /** Aborts when the test ends, however it ends. */
  readonly signal: AbortSignal
}

/** Why tests that need a real container runtime cannot run here; undefined when they can. */
export function runtimeMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  for (const program of ['containerd', 'runc', 'ctr', 'busybox']) {
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `needs ${program}`
  }
  return undefined
}

export function createNodeSandbox(): NodeSandbox {
  const dir = mkdtempSync(join(tmpdir(), 'k3ts-node-'))
  const id = dir.slice(-6)
  const paths: AgentPaths = {
    ...agentPaths({ dataDir: join(dir, 'data'), kubeletRoot: join(dir, 'kubelet') }),
    runDir: join('/run', `k3ts-test-${id}`),
    podLogs: join(dir, 'log/pods'),
    containerLogs: join(dir, 'log/containers'),
    cgroupRoot: `/k3ts-test-${id}`,
  }
  const abort = new AbortController()
  setMaxListeners(0, abort.signal)
  return {
    dir,
    paths,
    signal: abort.signal,
    [Symbol.asyncDispose]: async () => {
      abort.abort(new Error('the test is over'))
      await disposeSandbox(dir, paths)
    },
  }
}

/** Ends containerd and its shims (found by the private paths in their command lines), then mounts, cgroups and files. */
async function disposeSandbox(dir: string, paths: AgentPaths): Promise<void> {
  for (let round = 0; round < 50; round += 1) {
    const pids = processesWith(dir).concat(processesWith(paths.runDir))
    if (pids.length === 0) break
    for (const pid of pids) killTree(pid)
    await new Promise((resolve) => setTimeout(resolve, 40))
  }
  for (const mount of mountsBelow([dir, paths.runDir]).reverse()) spawnSync('umount', ['-l', mount])
  removeCgroups(paths.cgroupRoot)
  rmSync(paths.runDir, { recursive: true, force: true })
  rmSync(dir, { recursive: true, force: true })
}

function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter(
      (name) =>
        readProc(`/proc/${name}/cmdline`).split('\0')[0]?.includes('containerd') === true &&
        readProc(`/proc/${name}/cmdline`).includes(text),
    )
    .map(Number)
}

/** A shim's containers are its children; they carry no path of ours in their command lines. */
function killTree(pid: number): void {
  const children = readProc(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((child) => child !== '')
  for (const child of children) killTree(Number(child))
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    return // already gone
  }
}

function mountsBelow(dirs: readonly string[]): string[] {
  return readProc('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((target) => dirs.some((dir) => target === dir || target.startsWith(`${dir}/`)))
}

function removeCgroups(root: string): void {
  execFileSync('sh', ['-c', `find /sys/fs/cgroup -depth -type d -path "*${root}*" -exec rmdir {} \\; 2>/dev/null; true`])
}
