import { isSidecar } from '../../../api/rules/pod-containers.ts'
import { qosClassOf } from '../../../api/rules/qos.ts'
import type { Container, Pod, PodAffinityTerm, PodSpec } from '../../../api/types/core-v1.ts'
import type { LabelSelector } from '../../../api/types/meta-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import type { Work } from '../resource-def.ts'
import { keepMetadata, keepStored } from '../strategy.ts'
import { syncAppArmor } from './profiles.ts'

/** Source for this file: shared facts on defaults, strategies core_v1.Pod. */
export function preparePodCreate(pod: Work<Pod>): void {
  pod.status = { phase: 'Pending', qosClass: qosClassOf(pod.spec) }
  if ((pod.spec.schedulingGates?.length ?? 0) > 0)
    pod.status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
      },
    ]
  foldMatchLabelKeys(pod)
  syncAppArmor(pod)
}

type Labels = Readonly<Record<string, string>> | undefined

/**
 * `matchLabelKeys` stand for the pod's own values of those labels: the scheduler knows selectors only. Keys that the pod
 * has no label for are left alone.
 */
function foldMatchLabelKeys({ metadata, spec }: Work<Pod>): void {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {}
  for (const affinity of [podAffinity, podAntiAffinity]) {
    for (const term of affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) foldTerm(term, metadata.labels)
    for (const { podAffinityTerm } of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
      foldTerm(podAffinityTerm, metadata.labels)
  }
  for (const { labelSelector, matchLabelKeys } of spec.topologySpreadConstraints ?? [])
    fold(labelSelector, matchLabelKeys, 'In', metadata.labels)
}

function foldTerm(term: Work<PodAffinityTerm>, labels: Labels): void {
  fold(term.labelSelector, term.matchLabelKeys, 'In', labels)
  fold(term.labelSelector, term.mismatchLabelKeys, 'NotIn', labels)
}

function fold(
  selector: Work<LabelSelector> | undefined,
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Labels,
): void {
  if (selector === undefined || keys === undefined) return
  for (const key of keys) {
    const value = labels?.[key]
    if (value !== undefined) (selector.matchExpressions ??= []).push({ key, operator, values: [value] })
  }
}

/** Owners and deletion are not a kubelet's to change; a status without a class keeps the one it had. */
export function preparePodStatus(next: Work<Pod>, old: Pod): void {
  next.metadata.ownerReferences = old.metadata.ownerReferences as typeof next.metadata.ownerReferences
  next.status.qosClass ??= old.status.qosClass
}

const METADATA_ONLY: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata'])

/** Puts everything back as stored but the spec that `change` answers; counts a change of it. */
function replaceSpec(next: Work<Pod>, old: Pod, change: (sent: Work<PodSpec>) => Partial<Work<PodSpec>>): void {
  const changed = change(next.spec)
  keepStored(next, old, METADATA_ONLY)
  keepMetadata(next, old)
  next.spec = { ...(old.spec as Work<PodSpec>), ...changed }
  const generation = old.metadata.generation
  next.metadata.generation = deepEqual(next.spec, old.spec) ? generation : (generation ?? 0) + 1
}

/** The subresource changes nothing else of the spec. */
export function prepareEphemeralContainers(next: Work<Pod>, old: Pod): void {
  replaceSpec(next, old, ({ ephemeralContainers }) => ({ ephemeralContainers }))
}

/** Takes resources and resize policies, by position. A list that was added to or reordered stays as sent: validation names it. */
export function prepareResize(next: Work<Pod>, old: Pod): void {
  replaceSpec(next, old, (sent) => ({
    containers: mergeResources(sent.containers, old.spec.containers, () => true),
    ...(sent.initContainers !== undefined && {
      initContainers: mergeResources(sent.initContainers, old.spec.initContainers ?? [], isSidecar),
    }),
  }))
}

function mergeResources(
  sent: Work<Container>[],
  old: readonly Container[],
  resizable: (container: Container) => boolean,
): Work<Container>[] {
  if (sent.length !== old.length || sent.some(({ name }, i) => old[i]?.name !== name)) return sent
  return old.map((container, i) => {
    const change = sent[i]
    if (change === undefined || !resizable(container)) return container as Work<Container>
    return { ...(container as Work<Container>), resources: change.resources, resizePolicy: change.resizePolicy }
  })
}

/** Seconds a pod is given to end; 0 removes it at once. */
export function podGraceSeconds({ spec, status }: Pod, requested: number | undefined): number {
  if ((spec.nodeName ?? '') === '' || status.phase === 'Failed' || status.phase === 'Succeeded') return 0
  const seconds = requested ?? spec.terminationGracePeriodSeconds ?? 0
  return seconds < 0 ? 1 : seconds
}
