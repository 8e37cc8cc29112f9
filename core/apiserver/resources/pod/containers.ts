import type { Container, EphemeralContainer, PodSpec } from '../../../api/types/core-v1.ts'

export type ContainerList = 'initContainers' | 'containers' | 'ephemeralContainers'

const LISTS: readonly ContainerList[] = ['initContainers', 'containers', 'ephemeralContainers']

/** Every container of a pod with the list it stands in and its place there, in the order Kubernetes visits them. */
export function containersOf(spec: PodSpec): readonly (readonly [Container | EphemeralContainer, ContainerList, number])[] {
  return LISTS.flatMap((list) => (spec[list] ?? []).map((container, i) => [container, list, i] as const))
}
