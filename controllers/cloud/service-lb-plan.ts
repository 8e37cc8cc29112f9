import type { DaemonSet } from '../../core/api/types/apps-v1.ts'
import type { PodSpec, Service } from '../../core/api/types/core-v1.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { type Draft, keyOf, objectKey } from '../../core/meta/object.ts'
import { CLEANUP_FINALIZER, isLoadBalancer, isOurs, LEGACY_FINALIZER } from './service-lb-names.ts'

/**
 * `serve`: runs here. `clean`: once did, or is on its way out. `leave`: another implementation's, which keeps its own
 * status and finalizers.
 */
export type Duty = 'serve' | 'clean' | 'leave'

/** Whether the Service gets a DaemonSet, loses what it had, or is another load balancer's. */
export function dutyOf(service: Service): Duty {
  if (isLoadBalancer(service) && !isOurs(service)) return 'leave'
  return isLoadBalancer(service) && service.metadata.deletionTimestamp === undefined ? 'serve' : 'clean'
}

/** The finalizers a Service is to have; undefined when it has them. */
export function planFinalizers({ metadata }: Service, duty: Duty): readonly string[] | undefined {
  const current = metadata.finalizers ?? []
  const kept = current.filter((name) => name !== LEGACY_FINALIZER && (duty !== 'clean' || name !== CLEANUP_FINALIZER))
  const wanted = duty === 'serve' && !kept.includes(CLEANUP_FINALIZER) ? [...kept, CLEANUP_FINALIZER] : kept
  return deepEqual(current, wanted) ? undefined : wanted
}

export interface DaemonSetPlan {
  readonly create?: Draft<DaemonSet>
  readonly update?: Draft<DaemonSet>
  /** Of an earlier Service of this name, of another namespace setting, or no longer wanted at all. */
  readonly remove: readonly DaemonSet[]
}

/** What to write and what to remove so that exactly the wanted one is left. */
export function planDaemonSets(existing: readonly DaemonSet[], wanted: Draft<DaemonSet> | undefined): DaemonSetPlan {
  const wantedKey = wanted === undefined ? undefined : objectKey(wanted.metadata?.namespace, wanted.metadata?.name ?? '')
  const remove = existing.filter((set) => keyOf(set) !== wantedKey && set.metadata.deletionTimestamp === undefined)
  if (wanted === undefined) return { remove }
  const current = existing.find((set) => keyOf(set) === wantedKey)
  if (current === undefined) return { create: wanted, remove }
  return isAsWanted(current, wanted) ? { remove } : { update: replacement(current, wanted), remove }
}

/** Other writers' labels and annotations stay; the specification is replaced, so that nothing of an older one is left in it. */
function replacement({ metadata }: DaemonSet, wanted: Draft<DaemonSet>): Draft<DaemonSet> {
  return { ...wanted, metadata: { ...metadata, labels: { ...metadata.labels, ...wanted.metadata?.labels } } }
}

function isAsWanted(current: DaemonSet, wanted: Draft<DaemonSet>): boolean {
  return (
    covers(current.metadata.labels, wanted.metadata?.labels) &&
    covers(current.spec, wanted.spec) &&
    samePlacement(current.spec.template.spec, wanted.spec?.template?.spec ?? {})
  )
}

/** Here what is absent matters too: a constraint that is no longer wanted. */
function samePlacement(current: PodSpec, { nodeSelector = {}, affinity = {} }: Draft<PodSpec>): boolean {
  return deepEqual(current.nodeSelector ?? {}, nodeSelector) && deepEqual(current.affinity ?? {}, affinity)
}

/** Everything in `wanted` is in `current`, which may have more: what the API server filled in. */
function covers(current: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(current) && current.length === wanted.length && wanted.every((item, index) => covers(current[index], item))
  }
  if (typeof wanted !== 'object' || wanted === null) return deepEqual(current, wanted)
  if (typeof current !== 'object' || current === null) return false
  return Object.entries(wanted).every(([key, value]) => covers((current as Record<string, unknown>)[key], value))
}
