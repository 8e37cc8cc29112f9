import { parseQuantity } from '../../meta/quantity.ts'
import type { Pod, PodSpec, ResourceRequirements } from '../types/core-v1.ts'
import { isPodLevelResource } from './pod-resources.ts'

export type QosClass = Exclude<NonNullable<Pod['status']['qosClass']>, ''>

const COMPUTE = ['cpu', 'memory'] as const

type Resources = Pick<ResourceRequirements, 'limits' | 'requests'>

/**
 * Who is evicted last. Resources of the pod as a whole decide alone; a request that is not given is the limit's.
 * Source: Kubernetes documentation, "Pod Quality of Service Classes".
 */
export function qosClassOf(spec: PodSpec): QosClass {
  const parts: readonly Resources[] = hasPodLevel(spec.resources)
    ? [spec.resources ?? {}]
    : [...spec.containers, ...(spec.initContainers ?? [])].map(({ resources }) => resources)
  if (!parts.some(asksForCompute)) return 'BestEffort'
  return parts.every(isGuaranteed) ? 'Guaranteed' : 'Burstable'
}

function hasPodLevel(resources: Resources | undefined): boolean {
  return [resources?.limits, resources?.requests].some((list) => Object.keys(list ?? {}).some(isPodLevelResource))
}

const amount = (list: Resources['limits'], name: string): bigint => parseQuantity(list?.[name]).nano

function asksForCompute({ limits, requests }: Resources): boolean {
  return COMPUTE.some((name) => amount(limits, name) > 0n || amount(requests, name) > 0n)
}

function isGuaranteed({ limits, requests }: Resources): boolean {
  return COMPUTE.every((name) => {
    const limit = amount(limits, name)
    return limit > 0n && (requests?.[name] === undefined || amount(requests, name) === limit)
  })
}
