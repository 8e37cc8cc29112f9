import type { AppArmorProfile, Container, Pod } from '../../api/types/core-v1.ts'

/** What kernel and runtime of this node can do beyond what every pod needs. */
export interface NodeFeatures {
  readonly supplementalGroupsPolicy: boolean
  readonly recursiveReadOnlyMounts: boolean
  readonly appArmor: boolean
}

/**
 * Why the node cannot give a pod the protection that it asks for: running it without would be worse than not at all.
 * Reasons and texts are those of the kubelet's admission.
 */
export function featureProblem({ spec }: Pod, features: NodeFeatures): { readonly reason: string; readonly message: string } | undefined {
  const { os, securityContext } = spec
  if (os !== undefined && os.name !== 'linux')
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" }
  if (securityContext?.supplementalGroupsPolicy === 'Strict' && !features.supplementalGroupsPolicy)
    return { reason: 'SupplementalGroupsPolicyNotSupported', message: 'SupplementalGroupsPolicy=Strict is not supported in this node' }
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const isConfined = containers.some((container) => !['', 'Unconfined'].includes(appArmorProfileOf(spec, container)?.type ?? ''))
  if (isConfined && !features.appArmor)
    return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' }
  return undefined
}

/** The container's own profile wins over the pod's. */
export function appArmorProfileOf(
  { securityContext }: Pod['spec'],
  container: Pick<Container, 'securityContext'>,
): AppArmorProfile | undefined {
  return container.securityContext?.appArmorProfile ?? securityContext?.appArmorProfile
}
