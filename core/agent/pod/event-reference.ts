import type { Pod } from '../../api/types/core-v1.ts'
import type { EventReference } from '../../client/recorder.ts'

/** The pod as the object of an event. */
export function podReference(pod: Pod): EventReference {
  const { name, namespace, uid, resourceVersion } = pod.metadata
  return { apiVersion: 'v1', kind: 'Pod', name, namespace, uid, resourceVersion }
}

/** One container of the pod as the object of an event: `spec.containers{web}`. */
export function containerReference(pod: Pod, name: string): EventReference {
  const has = (list: readonly { readonly name: string }[] | undefined): boolean =>
    list?.some((container) => container.name === name) === true
  const field = has(pod.spec.initContainers) ? 'initContainers' : has(pod.spec.ephemeralContainers) ? 'ephemeralContainers' : 'containers'
  return { ...podReference(pod), fieldPath: `spec.${field}{${name}}` }
}
