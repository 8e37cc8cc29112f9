import { statefulSets } from '../../../core/api/kinds.ts'
import type { ControllerRevision, StatefulSet } from '../../../core/api/types/apps-v1.ts'
import type { PersistentVolumeClaim, Pod, Volume } from '../../../core/api/types/core-v1.ts'
import type { Draft } from '../../../core/meta/object.ts'
import { controllerReference } from '../../../core/meta/owner.ts'
import { podFromTemplate } from '../../runtime/pod.ts'
import { REVISION_HASH, templateOf } from '../revisions.ts'

/** The stable names of the pods of a StatefulSet and of what belongs to them. Source: Kubernetes documentation, "StatefulSet", pod identity. */
const POD_NAME = 'statefulset.kubernetes.io/pod-name'
const POD_INDEX = 'apps.kubernetes.io/pod-index'

const MEMBER = /^(.*)-([0-9]+)$/

export function podName({ metadata }: StatefulSet, ordinal: number): string {
  return `${metadata.name}-${ordinal}`
}

/** Undefined when the pod's name says that it belongs to another set, or to none. */
export function ordinalOf(pod: Pod, { metadata }: StatefulSet): number | undefined {
  const match = MEMBER.exec(pod.metadata.name)
  return match?.[1] === metadata.name ? Number(match[2]) : undefined
}

/** Ordinals count up from here. */
export function firstOrdinal({ spec }: StatefulSet): number {
  return spec.ordinals?.start ?? 0
}

/** The ControllerRevision that the pod was made from; empty when it does not say. */
export function revisionNameOf(pod: Pod): string {
  return pod.metadata.labels?.[REVISION_HASH] ?? ''
}

export function claimName(set: StatefulSet, template: string, ordinal: number): string {
  return `${template}-${podName(set, ordinal)}`
}

/** Claims that the pod of an ordinal mounts, as they are created when they are missing. */
export function claimsFor(set: StatefulSet, ordinal: number): readonly Draft<PersistentVolumeClaim>[] {
  return (set.spec.volumeClaimTemplates ?? []).map(({ metadata, spec }) => ({
    metadata: {
      namespace: set.metadata.namespace,
      name: claimName(set, metadata.name, ordinal),
      labels: { ...metadata.labels, ...set.spec.selector.matchLabels },
      ...(metadata.annotations !== undefined && { annotations: metadata.annotations }),
    },
    spec,
  }))
}

/** The pod of an ordinal, made from the template of a revision. */
export function podFor(set: StatefulSet, revision: ControllerRevision, ordinal: number): Draft<Pod> {
  const { metadata, spec } = podFromTemplate(templateOf(revision) ?? set.spec.template)
  const name = podName(set, ordinal)
  return {
    metadata: {
      ...metadata,
      namespace: set.metadata.namespace,
      name,
      labels: { ...metadata.labels, ...identityLabels(name, ordinal), [REVISION_HASH]: revision.metadata.name },
      ownerReferences: [controllerReference(statefulSets, set)],
    },
    spec: { ...spec, hostname: name, subdomain: set.spec.serviceName, volumes: volumesFor(set, spec.volumes ?? [], ordinal) },
  }
}

function identityLabels(name: string, ordinal: number): Readonly<Record<string, string>> {
  return { [POD_NAME]: name, [POD_INDEX]: String(ordinal) }
}

/** Claim templates win over volumes of the same name. */
function volumesFor(set: StatefulSet, volumes: readonly Volume[], ordinal: number): readonly Volume[] {
  const templates = set.spec.volumeClaimTemplates ?? []
  const names = new Set(templates.map(({ metadata }) => metadata.name))
  const claimed = templates.map(({ metadata }) => ({
    name: metadata.name,
    persistentVolumeClaim: { claimName: claimName(set, metadata.name, ordinal), readOnly: false },
  }))
  return [...claimed, ...volumes.filter(({ name }) => !names.has(name))]
}

/** The labels that name a pod, put right; undefined when they are. Volumes of a pod cannot change. */
export function repairedLabels(pod: Pod, ordinal: number): Readonly<Record<string, string>> | undefined {
  const wanted = identityLabels(pod.metadata.name, ordinal)
  const { labels = {} } = pod.metadata
  return Object.entries(wanted).every(([key, value]) => labels[key] === value) ? undefined : { ...labels, ...wanted }
}
