import { parseDuration } from '../meta/duration.ts'
import { readQuantity, toUnits } from '../meta/quantity.ts'

/** What `--kubelet-arg` can change, with the kubelet's names, units in ours, and the defaults of the kubelet or of K3s. */
export interface KubeletOptions {
  readonly rootDir: string
  readonly maxPods: number
  /** -1: no limit. */
  readonly podPidsLimit: number
  readonly imageGcHighPercent: number
  readonly imageGcLowPercent: number
  readonly containerLogMaxBytes: number
  readonly containerLogMaxFiles: number
  readonly enforcesCpuQuota: boolean
  readonly systemReserved: Readonly<Record<string, string>>
  readonly kubeReserved: Readonly<Record<string, string>>
  /** Signal to threshold, a quantity or a percentage: `nodefs.available` to `5%`. */
  readonly evictionHard: Readonly<Record<string, string>>
  readonly allowedUnsafeSysctls: readonly string[]
  readonly serializesImagePulls: boolean
  readonly maxParallelImagePulls: number
  readonly registersNode: boolean
  readonly nodeStatusReportMs: number
}

type Arguments = Readonly<Record<string, string>>

/** Throws Error naming the argument that cannot be read. Other arguments have been refused when the command line was read. */
export function readKubeletOptions(args: Arguments): KubeletOptions {
  return {
    rootDir: args['root-dir'] ?? '/var/lib/kubelet',
    maxPods: integer(args, 'max-pods', 110),
    podPidsLimit: integer(args, 'pod-max-pids', -1),
    imageGcHighPercent: integer(args, 'image-gc-high-threshold', 85),
    imageGcLowPercent: integer(args, 'image-gc-low-threshold', 80),
    containerLogMaxBytes: bytes(args, 'container-log-max-size', '10Mi'),
    containerLogMaxFiles: integer(args, 'container-log-max-files', 5),
    enforcesCpuQuota: (args['cpu-cfs-quota'] ?? 'true') !== 'false',
    systemReserved: map(args, 'system-reserved', '='),
    kubeReserved: map(args, 'kube-reserved', '='),
    evictionHard: args['eviction-hard'] === undefined ? EVICTION_HARD : map(args, 'eviction-hard', '<'),
    allowedUnsafeSysctls: (args['allowed-unsafe-sysctls'] ?? '').split(',').filter((name) => name !== ''),
    serializesImagePulls: args['serialize-image-pulls'] === 'true',
    maxParallelImagePulls: integer(args, 'max-parallel-image-pulls', 8),
    registersNode: (args['register-node'] ?? 'true') !== 'false',
    nodeStatusReportMs: duration(args, 'node-status-report-frequency', '5m'),
  }
}

/** Source: K3s, defaults of the embedded kubelet; memory as the kubelet's own. */
const EVICTION_HARD = { 'memory.available': '100Mi', 'imagefs.available': '5%', 'nodefs.available': '5%', 'nodefs.inodesFree': '5%' }

function wrong(name: string, text: string, expected: string): Error {
  return new Error(`--kubelet-arg=${name}: "${text}" is not ${expected}`)
}

function integer(args: Arguments, name: string, fallback: number): number {
  const text = args[name]
  if (text === undefined) return fallback
  if (!/^-?\d+$/.test(text)) throw wrong(name, text, 'a whole number')
  return Number(text)
}

function bytes(args: Arguments, name: string, fallback: string): number {
  const text = args[name] ?? fallback
  const quantity = readQuantity(text)
  if (typeof quantity === 'string') throw wrong(name, text, 'a size such as 10Mi')
  return toUnits(quantity)
}

function duration(args: Arguments, name: string, fallback: string): number {
  const text = args[name] ?? fallback
  const ms = parseDuration(text)
  if (ms === undefined) throw wrong(name, text, 'a duration such as 5m')
  return ms
}

function map(args: Arguments, name: string, separator: string): Readonly<Record<string, string>> {
  const pairs = (args[name] ?? '').split(',').filter((pair) => pair !== '')
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf(separator)
      if (at <= 0) throw wrong(name, pair, `of the form name${separator}value`)
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    }),
  )
}
