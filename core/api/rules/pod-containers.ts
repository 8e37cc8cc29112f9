import type { Container, PodSpec } from '../types/core-v1.ts'

/** A sidecar: an init container that keeps running beside the others. Source: Kubernetes documentation, "Sidecar Containers". */
export const isSidecar = (container: Pick<Container, 'restartPolicy'>): boolean => container.restartPolicy === 'Always'

/** The containers that run once a pod is up: the regular ones, then its sidecars. */
export function lastingContainers(spec: Pick<PodSpec, 'containers' | 'initContainers'>): readonly Container[] {
  return [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)]
}
