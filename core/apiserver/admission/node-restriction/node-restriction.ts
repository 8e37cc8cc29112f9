import type { CertificateSigningRequest } from '../../../api/types/certificates-v1.ts'
import type { Node, PersistentVolumeClaim } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { parseCertificateRequest } from '../../../pki/csr.ts'
import { nodeNameOf } from '../../auth/users.ts'
import type { AdmissionAttributes, AdmissionPlugin, ObjectReader } from '../admission.ts'
import { denied } from '../denied.ts'
import { forbiddenLabels } from './labels.ts'
import { restrictPods } from './pods.ts'
import { restrictTokens } from './tokens.ts'

type Restrict = (node: string, attributes: AdmissionAttributes, reader: ObjectReader) => void

const LEASE_NAMESPACE = 'kube-node-lease'
const KUBELET_SIGNERS = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']

/** By `group/resource`; what is not listed is left to the authorizer. */
const RESTRICTIONS: ReadonlyMap<string, Restrict> = new Map([
  ['/pods', restrictPods],
  ['/nodes', restrictNode],
  ['/persistentvolumeclaims', restrictClaim],
  ['/serviceaccounts', restrictTokens],
  ['coordination.k8s.io/leases', restrictLease],
  ['storage.k8s.io/csinodes', restrictCsiNode],
  ['resource.k8s.io/resourceslices', restrictSlice],
  ['certificates.k8s.io/certificatesigningrequests', restrictRequest],
])

/** What a kubelet may write, where the object's content decides. Source: kubernetes, plugin/pkg/admission/noderestriction. */
export function nodeRestriction({ reader }: { readonly reader: ObjectReader }): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    handles: ({ user, operation }) => operation !== 'CONNECT' && nodeNameOf(user) !== undefined,
    admit: (attributes) => {
      const node = nodeNameOf(attributes.user)
      if (node === undefined) return
      if (node === '') throw denied(attributes, `could not determine node from user ${JSON.stringify(attributes.user.name)}`)
      RESTRICTIONS.get(`${attributes.def.group}/${attributes.def.resource}`)?.(node, attributes, reader)
    },
  }
}

function restrictNode(node: string, attributes: AdmissionAttributes): void {
  const { operation, name } = attributes
  if (name !== node) throw denied(attributes, `node "${node}" is not allowed to modify node "${name}"`)
  const next = attributes.object as Node | undefined
  const old = attributes.oldObject as Node | undefined
  if (operation === 'CREATE') {
    if (next?.spec.configSource !== undefined)
      throw denied(attributes, `node "${node}" is not allowed to create pods with a non-nil configSource`)
    const labels = forbiddenLabels(next?.metadata.labels, undefined)
    if (labels.length > 0) throw denied(attributes, `node "${node}" is not allowed to set the following labels: ${labels.join(', ')}`)
  }
  if (operation === 'UPDATE' && next !== undefined && old !== undefined) restrictNodeUpdate(node, attributes, next, old)
}

function restrictNodeUpdate(node: string, attributes: AdmissionAttributes, next: Node, old: Node): void {
  const isNewSource = next.spec.configSource !== undefined && !deepEqual(next.spec.configSource, old.spec.configSource)
  if (isNewSource) throw denied(attributes, `node "${node}" is not allowed to update configSource to a new non-nil configSource`)
  if (!deepEqual(next.spec.taints ?? [], old.spec.taints ?? [])) throw denied(attributes, `node "${node}" is not allowed to modify taints`)
  if (!deepEqual(next.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? [])) {
    throw denied(attributes, `node "${node}" is not allowed to modify ownerReferences`)
  }
  const labels = forbiddenLabels(next.metadata.labels, old.metadata.labels)
  if (labels.length > 0) throw denied(attributes, `is not allowed to modify labels: ${labels.join(', ')}`)
}

/** Of a claim, a node reports only how a resize went. */
function restrictClaim(node: string, attributes: AdmissionAttributes): void {
  if (attributes.subresource !== 'status') throw denied(attributes, 'may only update PVC status')
  if (attributes.operation !== 'UPDATE') throw denied(attributes, `unexpected operation "${attributes.operation}"`)
  const rest = ({ metadata, status, ...others }: PersistentVolumeClaim): object => ({
    ...without(others, 'apiVersion', 'kind'),
    metadata: without(metadata, 'resourceVersion', 'managedFields'),
    status: without(status, 'capacity', 'conditions', 'allocatedResourceStatuses', 'allocatedResources'),
  })
  if (deepEqual(rest(attributes.oldObject as PersistentVolumeClaim), rest(attributes.object as PersistentVolumeClaim))) return
  throw denied(attributes, `node "${node}" is not allowed to update fields other than status.quantity and status.conditions`)
}

function without(object: object, ...keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
}

function restrictLease(node: string, attributes: AdmissionAttributes): void {
  if (attributes.namespace !== LEASE_NAMESPACE)
    throw denied(attributes, `can only access leases in the "${LEASE_NAMESPACE}" system namespace`)
  if (attributes.name !== node) throw denied(attributes, 'can only access node lease with the same name as the requesting node')
}

function restrictCsiNode(node: string, attributes: AdmissionAttributes): void {
  if (attributes.name !== node) throw denied(attributes, 'can only access CSINode with the same name as the requesting node')
}

function restrictSlice(node: string, attributes: AdmissionAttributes): void {
  const nodeOf = (object: unknown): string | undefined =>
    (object as { readonly spec?: { readonly nodeName?: string } } | undefined)?.spec?.nodeName
  if (attributes.operation === 'CREATE' && nodeOf(attributes.object) !== node) {
    throw denied(attributes, 'can only create ResourceSlice with the same NodeName as the requesting node')
  }
  if (attributes.operation === 'UPDATE' && nodeOf(attributes.oldObject) !== node) {
    throw denied(attributes, 'can only update ResourceSlice with the same NodeName as the requesting node')
  }
  if (attributes.operation === 'DELETE' && nodeOf(attributes.oldObject) !== node) {
    throw denied(attributes, 'can only delete ResourceSlice with the same NodeName as the requesting node')
  }
}

function restrictRequest(node: string, attributes: AdmissionAttributes): void {
  if (attributes.operation !== 'CREATE') return
  const { signerName, request } = (attributes.object as CertificateSigningRequest).spec
  if (!KUBELET_SIGNERS.includes(signerName)) return
  if (commonNameOf(attributes, request) !== `system:node:${node}`)
    throw denied(attributes, `can only create a node CSR with CN=system:node:${node}`)
}

function commonNameOf(attributes: AdmissionAttributes, base64: string): string {
  try {
    return parseCertificateRequest(Buffer.from(base64, 'base64').toString()).subject.commonName
  } catch (err) {
    throw denied(attributes, `unable to parse csr: ${(err as Error).message}`)
  }
}
