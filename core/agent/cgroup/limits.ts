/** Kernel bounds and the kubelet's conversions. Source: Kubernetes kubelet, resource configuration of cgroups. */
const MIN_SHARES = 2
const MAX_SHARES = 262_144
const PERIOD_MICROS = 100_000
const MIN_QUOTA_MICROS = 1_000

/** Limits of one cgroup; absent means unlimited. */
export interface CgroupLimits {
  readonly cpuShares?: number | undefined
  /** Microseconds of CPU per `cpuPeriodMicros`. */
  readonly cpuQuotaMicros?: number | undefined
  readonly memoryBytes?: number | undefined
  readonly pids?: number | undefined
}

export const CPU_PERIOD_MICROS = PERIOD_MICROS

/** CPU shares for a request: 1024 a processor, at least 2. */
export function sharesOf(millicores: number): number {
  if (millicores === 0) return MIN_SHARES
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, Math.floor((millicores * 1024) / 1000)))
}

/** 0 millicores: no quota. */
export function quotaOf(millicores: number): number {
  return millicores === 0 ? 0 : Math.max(MIN_QUOTA_MICROS, Math.floor((millicores * PERIOD_MICROS) / 1000))
}

/** cgroup v2 weighs from 1 to 10,000 where v1 shares went from 2 to 262,144. */
export function weightOf(shares: number): number {
  return Math.floor(1 + ((shares - MIN_SHARES) * 9_999) / (MAX_SHARES - MIN_SHARES))
}

/** File name to text, for the unified hierarchy. */
export function filesV2(limits: CgroupLimits): Readonly<Record<string, string>> {
  const { cpuShares, cpuQuotaMicros, memoryBytes, pids } = limits
  return {
    ...(cpuShares !== undefined && { 'cpu.weight': String(weightOf(cpuShares)) }),
    'cpu.max': `${cpuQuotaMicros ?? 'max'} ${PERIOD_MICROS}`,
    'memory.max': String(memoryBytes ?? 'max'),
    'pids.max': String(pids ?? 'max'),
  }
}

/** Controller and file name to text, for the older hierarchies. */
export function filesV1(limits: CgroupLimits): readonly { readonly controller: string; readonly file: string; readonly text: string }[] {
  const { cpuShares, cpuQuotaMicros, memoryBytes, pids } = limits
  return [
    ...(cpuShares === undefined ? [] : [{ controller: 'cpu', file: 'cpu.shares', text: String(cpuShares) }]),
    { controller: 'cpu', file: 'cpu.cfs_period_us', text: String(PERIOD_MICROS) },
    { controller: 'cpu', file: 'cpu.cfs_quota_us', text: String(cpuQuotaMicros ?? -1) },
    { controller: 'memory', file: 'memory.limit_in_bytes', text: String(memoryBytes ?? -1) },
    { controller: 'pids', file: 'pids.max', text: String(pids ?? 'max') },
  ]
}
