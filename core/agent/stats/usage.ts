import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'

/** What the whole machine uses. Memory as the kubelet counts it: all that could not be given back at once. */
export interface NodeUsage {
  /** CPU time since boot, all processors, without idle and waiting. */
  readonly cpuNanoSeconds: number
  readonly memoryWorkingSetBytes: number
  readonly memoryAvailableBytes: number
  readonly bootedAtMs: number
}

/** Clock ticks of /proc/stat; 100 on every Linux that k3ts runs on. */
const NANOS_PER_TICK = 1e9 / 100

/** From /proc, at this moment. */
export function readNodeUsage(): NodeUsage {
  return parseNodeUsage(readFileSync('/proc/stat', 'utf8'), readFileSync('/proc/meminfo', 'utf8'), totalmem())
}

/** From the texts of /proc/stat and /proc/meminfo; processor time in nanoseconds, memory in bytes. */
export function parseNodeUsage(stat: string, meminfo: string, totalBytes: number): NodeUsage {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (/^cpu\s+(.+)$/m.exec(stat)?.[1] ?? '')
    .split(/\s+/)
    .map(Number)
  const availableBytes = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? 0) * 1024
  return {
    cpuNanoSeconds: (user + nice + system + irq + softirq + steal) * NANOS_PER_TICK,
    memoryWorkingSetBytes: totalBytes - availableBytes,
    memoryAvailableBytes: availableBytes,
    bootedAtMs: Number(/^btime\s+(\d+)$/m.exec(stat)?.[1] ?? 0) * 1000,
  }
}

/** CPU now, from two readings of a counter: nanoseconds per second. Undefined for a first reading, or one too close to the last. */
export class RateMeter {
  readonly #last = new Map<string, { readonly atMs: number; readonly nanos: number; readonly rate: number | undefined }>()

  rate(key: string, nanos: number, atMs: number): number | undefined {
    const last = this.#last.get(key)
    if (last !== undefined && atMs - last.atMs < MIN_INTERVAL_MS) return last.rate
    // A counter that went back belongs to another container of that name.
    const rate = last === undefined || nanos < last.nanos ? undefined : Math.round(((nanos - last.nanos) / (atMs - last.atMs)) * 1000)
    this.#last.set(key, { atMs, nanos, rate })
    return rate
  }

  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#last.keys()) if (!keys.has(key)) this.#last.delete(key)
  }
}

const MIN_INTERVAL_MS = 1_000
