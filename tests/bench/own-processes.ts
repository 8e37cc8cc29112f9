import { readdirSync } from 'node:fs'
import { readProc } from '../helpers/cluster-clean-up.ts'

/** Memory in megabytes. */
export interface OwnMemory {
  /** Resident, of the server process alone. */
  readonly server: number
  /** Of the server, containerd, the shims and all that runs in pods; pages that processes share count once. */
  readonly all: number
  readonly processes: number
}

/** What a cluster on this machine takes: the processes that name its data folder or our containerd's socket, and their descendants. */
export function ownMemory(dataDir: string): OwnMemory {
  const parents = new Map(pids().map((pid) => [pid, Number(/^PPid:\s+(\d+)/m.exec(readProc(`/proc/${pid}/status`))?.[1] ?? 0)]))
  const commands = new Map([...parents.keys()].map((pid) => [pid, readProc(`/proc/${pid}/cmdline`).split('\0')]))
  const isRoot = (pid: number): boolean =>
    pid !== process.pid &&
    commands.get(pid)?.some((arg) => arg.startsWith(dataDir) || arg === '/run/k3ts/containerd/containerd.sock') === true
  const isOwn = (pid: number): boolean => pid > 1 && (isRoot(pid) || isOwn(parents.get(pid) ?? 0))
  const own = [...parents.keys()].filter(isOwn)
  const server = own.find((pid) => commands.get(pid)?.includes('server') === true) ?? 0
  return {
    server: megabytes(/^VmRSS:\s+(\d+)/m.exec(readProc(`/proc/${server}/status`))?.[1]),
    all: own.reduce((sum, pid) => sum + megabytes(/^Pss:\s+(\d+)/m.exec(readProc(`/proc/${pid}/smaps_rollup`))?.[1]), 0),
    processes: own.length,
  }
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function megabytes(kilobytes: string | undefined): number {
  return Math.round(Number(kilobytes ?? 0) / 1024)
}
