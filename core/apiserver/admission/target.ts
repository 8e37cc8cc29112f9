import type { AdmissionAttributes } from './admission.ts'

/** Resources that plugins look at or look up. */
export const PODS = { group: '', resource: 'pods' } as const
export const NODES = { group: '', resource: 'nodes' } as const
export const NAMESPACES = { group: '', resource: 'namespaces' } as const
export const SECRETS = { group: '', resource: 'secrets' } as const
export const SERVICE_ACCOUNTS = { group: '', resource: 'serviceaccounts' } as const
export const CLAIMS = { group: '', resource: 'persistentvolumeclaims' } as const
export const LIMIT_RANGES = { group: '', resource: 'limitranges' } as const
export const RESOURCE_QUOTAS = { group: '', resource: 'resourcequotas' } as const
export const STORAGE_CLASSES = { group: 'storage.k8s.io', resource: 'storageclasses' } as const
export const INGRESS_CLASSES = { group: 'networking.k8s.io', resource: 'ingressclasses' } as const
export const PRIORITY_CLASSES = { group: 'scheduling.k8s.io', resource: 'priorityclasses' } as const
export const RUNTIME_CLASSES = { group: 'node.k8s.io', resource: 'runtimeclasses' } as const

export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'

interface GroupResource {
  readonly group: string
  readonly resource: string
}

export function isResource({ def }: AdmissionAttributes, { group, resource }: GroupResource): boolean {
  return def.resource === resource && def.group === group
}

/** A create of the resource itself, no subresource. */
export function isCreateOf(attributes: AdmissionAttributes, target: GroupResource): boolean {
  return attributes.operation === 'CREATE' && attributes.subresource === '' && isResource(attributes, target)
}

export function isUpdateOf(attributes: AdmissionAttributes, target: GroupResource, subresource = ''): boolean {
  return attributes.operation === 'UPDATE' && attributes.subresource === subresource && isResource(attributes, target)
}

/** Creation and update of the object itself, not of its subresources. */
export function isWriteOf(attributes: AdmissionAttributes, target: GroupResource): boolean {
  return isCreateOf(attributes, target) || isUpdateOf(attributes, target)
}
