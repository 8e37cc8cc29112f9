import { qosClassOf } from '../../../api/rules/qos.ts'
import type { Container, Pod } from '../../../api/types/core-v1.ts'
import { parseQuantity, toMilli, toUnits } from '../../../meta/quantity.ts'
import { CPU_PERIOD_MICROS, quotaOf, sharesOf } from '../../cgroup/limits.ts'
import type { LinuxResources } from '../../cri/types.ts'

export interface ResourceFacts {
  readonly memoryCapacityBytes: number
  readonly enforcesCpuQuota: boolean
  /** Version 2: all processes of a container end together when memory runs out. */
  readonly cgroupVersion: 1 | 2
}

const GUARANTEED_ADJ = -997
const BEST_EFFORT_ADJ = 1000
const SYSTEM_NODE_CRITICAL = 2_000_001_000

/** Limits of one container as the kernel takes them. */
export function containerResources(pod: Pod, container: Container, facts: ResourceFacts): LinuxResources {
  const { requests = {}, limits = {} } = container.resources
  const cpuLimit = toMilli(parseQuantity(limits.cpu))
  const cpuRequest = requests.cpu === undefined ? cpuLimit : toMilli(parseQuantity(requests.cpu))
  const memory = toUnits(parseQuantity(limits.memory))
  const quota = facts.enforcesCpuQuota ? quotaOf(cpuLimit) : 0
  return {
    cpuShares: sharesOf(cpuRequest),
    ...(quota > 0 && { cpuQuota: quota, cpuPeriod: CPU_PERIOD_MICROS }),
    ...(memory > 0 && { memoryLimitInBytes: memory }),
    oomScoreAdj: oomScoreAdj(pod, container, facts.memoryCapacityBytes),
    ...(facts.cgroupVersion === 2 && { unified: { 'memory.oom.group': '1' } }),
  }
}

/** The less of its memory a container asked for, the sooner it is killed. Source: Kubernetes documentation, "Node OOM behavior". */
export function oomScoreAdj(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if ((pod.spec.priority ?? 0) >= SYSTEM_NODE_CRITICAL) return GUARANTEED_ADJ
  const qos = qosClassOf(pod.spec)
  if (qos === 'Guaranteed') return GUARANTEED_ADJ
  if (qos === 'BestEffort') return BEST_EFFORT_ADJ
  const request = toUnits(parseQuantity(container.resources.requests?.memory))
  const score = 1000 - Math.floor((1000 * request) / memoryCapacityBytes)
  if (score < 1000 + GUARANTEED_ADJ) return 1000 + GUARANTEED_ADJ
  return score === BEST_EFFORT_ADJ ? BEST_EFFORT_ADJ - 1 : score
}
