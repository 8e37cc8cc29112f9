import type { AdmissionAttributes } from '../../core/apiserver/admission/admission.ts'
import type { ResourceDef } from '../../core/apiserver/resources/resource-def.ts'
import type { KubeObject } from '../../core/meta/object.ts'

const KINDS: Readonly<Record<string, string>> = {
  pods: 'Pod',
  nodes: 'Node',
  namespaces: 'Namespace',
  services: 'Service',
  configmaps: 'ConfigMap',
  priorityclasses: 'PriorityClass',
  persistentvolumeclaims: 'PersistentVolumeClaim',
  deployments: 'Deployment',
  leases: 'Lease',
  serviceaccounts: 'ServiceAccount',
}
const CLUSTER_SCOPED: ReadonlySet<string> = new Set([
  'nodes',
  'namespaces',
  'priorityclasses',
  'certificatesigningrequests',
  'clusterroles',
  'csinodes',
])

export interface Write {
  readonly group?: string
  readonly version?: string
  readonly resource?: string
  readonly subresource?: string
  readonly operation?: AdmissionAttributes['operation']
  /** Anything that stands for an object; it is used as it is, so plugins may change it. */
  readonly object?: object
  readonly oldObject?: object
  readonly name?: string
  readonly namespace?: string
  readonly user?: AdmissionAttributes['user']
  readonly dryRun?: boolean
  readonly warnings?: string[]
  readonly onSettled?: AdmissionAttributes['onSettled']
}

/** A write as admission sees it: a create of a pod in `default` unless told otherwise. */
export function writeOf(write: Write): AdmissionAttributes {
  const { group = '', version = 'v1', resource = 'pods' } = write
  const object = write.object as KubeObject | undefined
  const oldObject = write.oldObject as KubeObject | undefined
  const namespaced = !CLUSTER_SCOPED.has(resource)
  const def = { group, version, resource, kind: KINDS[resource] ?? resource, namespaced } as ResourceDef
  return {
    operation: write.operation ?? (oldObject === undefined ? 'CREATE' : object === undefined ? 'DELETE' : 'UPDATE'),
    def,
    subresource: write.subresource ?? '',
    namespace: write.namespace ?? (namespaced ? 'default' : ''),
    name: write.name ?? object?.metadata.name ?? oldObject?.metadata.name ?? '',
    object: object as AdmissionAttributes['object'],
    oldObject,
    user: write.user ?? { name: 'jane', groups: ['system:authenticated'] },
    dryRun: write.dryRun ?? false,
    ...(write.onSettled !== undefined && { onSettled: write.onSettled }),
    warn: (text) => write.warnings?.push(text),
  }
}
