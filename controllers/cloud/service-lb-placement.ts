import type { Node, PodSpec, Service } from '../../core/api/types/core-v1.ts'
import type { Draft } from '../../core/meta/object.ts'
import { ENABLE_LABEL, POOL_LABEL, poolMemberLabel } from './service-lb-names.ts'

export interface Placement {
  /** Some node is labelled for or against load balancers, so that unlabelled ones are not used. */
  readonly isAllowList: boolean
  readonly constraints: Pick<Draft<PodSpec>, 'nodeSelector' | 'affinity'>
}

/**
 * The nodes a Service's load balancer may use. Pools come in two forms: one label with the pool's name, which counts only
 * on allowed nodes, and a label a pool, which lets a node be in several and allows it by itself.
 */
export function planPlacement(service: Service, nodes: readonly Node[]): Placement {
  const isAllowList = nodes.some(({ metadata }) => metadata.labels?.[ENABLE_LABEL] !== undefined)
  const pool = service.metadata.labels?.[POOL_LABEL] ?? ''
  const member = poolMemberLabel(pool)
  const hasMembers = pool !== '' && nodes.some(({ metadata }) => metadata.labels?.[member] === 'true')
  if (hasMembers)
    return { isAllowList, constraints: { affinity: anyOf({ [ENABLE_LABEL]: 'true', [POOL_LABEL]: pool }, { [member]: 'true' }) } }
  if (!isAllowList) return { isAllowList, constraints: {} }
  return { isAllowList, constraints: { nodeSelector: { [ENABLE_LABEL]: 'true', ...(pool !== '' && { [POOL_LABEL]: pool }) } } }
}

function anyOf(...labelSets: readonly Readonly<Record<string, string>>[]): Draft<PodSpec['affinity']> {
  const nodeSelectorTerms = labelSets.map((labels) => ({
    matchExpressions: Object.entries(labels).map(([key, value]) => ({ key, operator: 'In' as const, values: [value] })),
  }))
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } }
}
