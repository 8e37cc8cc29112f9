import type { Node, Pod } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { podReferences } from '../../auth/node/references.ts'
import { notFound } from '../../errors.ts'
import type { AdmissionAttributes, ObjectReader } from '../admission.ts'
import { denied } from '../denied.ts'
import { MIRROR_ANNOTATION, NODES, PODS } from '../target.ts'

/** A node makes mirror pods of its static pods, and reports on, evicts and removes the pods bound to it. */
export function restrictPods(node: string, attributes: AdmissionAttributes, reader: ObjectReader): void {
  switch (attributes.subresource) {
    case '':
      if (attributes.operation === 'CREATE') restrictCreate(node, attributes, reader)
      else if (attributes.operation === 'DELETE') restrictDelete(node, attributes)
      else throw denied(attributes, `unexpected operation "${attributes.operation}", node "${node}" can only create and delete mirror pods`)
      break
    case 'status':
      restrictStatus(node, attributes)
      break
    case 'eviction':
      restrictEviction(node, attributes, reader)
      break
    default:
      throw denied(attributes, `unexpected pod subresource "${attributes.subresource}", only 'status' and 'eviction' are allowed`)
  }
}

function restrictCreate(node: string, attributes: AdmissionAttributes, reader: ObjectReader): void {
  const pod = attributes.object as Pod
  if (pod.metadata.annotations?.[MIRROR_ANNOTATION] === undefined) {
    throw denied(attributes, `pod does not have "${MIRROR_ANNOTATION}" annotation, node "${node}" can only create mirror pods`)
  }
  if (pod.spec.nodeName !== node) throw denied(attributes, `node "${node}" can only create pods with spec.nodeName set to itself`)
  restrictOwner(node, attributes, reader)
  restrictReferences(node, attributes, pod)
}

function restrictOwner(node: string, attributes: AdmissionAttributes, reader: ObjectReader): void {
  const owners = (attributes.object as Pod).metadata.ownerReferences ?? []
  const [owner] = owners
  if (owners.length > 1) throw denied(attributes, `node "${node}" can only create pods with a single owner reference set to itself`)
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    throw denied(attributes, `node "${node}" can only create pods with an owner reference set to itself`)
  }
  if (owner.controller !== true)
    throw denied(attributes, `node "${node}" can only create pods with a controller owner reference set to itself`)
  if (owner.blockOwnerDeletion === true) throw denied(attributes, `node "${node}" must not set blockOwnerDeletion on an owner reference`)
  const found = reader.get<Node>(NODES, '', node)
  if (found === undefined) throw notFound({ group: '', resource: 'node' }, node)
  if (found.metadata.uid !== owner.uid)
    throw denied(attributes, `node ${node} UID mismatch: expected ${owner.uid} got ${found.metadata.uid}`)
}

/** Whatever a pod refers to, its node may read: a node must not widen its own rights. */
function restrictReferences(node: string, attributes: AdmissionAttributes, pod: Pod): void {
  const metadata = { ...pod.metadata, annotations: undefined }
  const kinds = new Set(podReferences({ ...pod, metadata }).map((key) => key.slice(0, key.indexOf(':'))))
  if (kinds.has('serviceaccount')) throw denied(attributes, `node "${node}" can not create pods that reference a service account`)
  if (kinds.has('secret')) throw denied(attributes, `node "${node}" can not create pods that reference secrets`)
  if (kinds.has('configmap')) throw denied(attributes, `node "${node}" can not create pods that reference configmaps`)
  const sources = (pod.spec.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? [])
  if (sources.some((source) => source.clusterTrustBundle !== undefined)) {
    throw denied(attributes, `node "${node}" can not create pods that reference clustertrustbundles`)
  }
  if (kinds.has('pvc')) throw denied(attributes, `node "${node}" can not create pods that reference persistentvolumeclaims`)
}

function restrictDelete(node: string, attributes: AdmissionAttributes): void {
  if ((attributes.oldObject as Pod | undefined)?.spec.nodeName === node) return
  throw denied(attributes, `node "${node}" can only delete pods with spec.nodeName set to itself`)
}

function restrictStatus(node: string, attributes: AdmissionAttributes): void {
  if (attributes.operation !== 'UPDATE') throw denied(attributes, `unexpected operation "${attributes.operation}"`)
  const old = attributes.oldObject as Pod
  const next = attributes.object as Pod
  if (old.spec.nodeName !== node)
    throw denied(attributes, `node "${node}" can only update pod status for pods with spec.nodeName set to itself`)
  if (!deepEqual(old.metadata.labels ?? {}, next.metadata.labels ?? {})) {
    throw denied(attributes, `node "${node}" cannot update labels through pod status`)
  }
  if (!deepEqual(old.status.resourceClaimStatuses ?? [], next.status.resourceClaimStatuses ?? [])) {
    throw denied(attributes, `node "${node}" cannot update resource claim statues`)
  }
}

function restrictEviction(node: string, attributes: AdmissionAttributes, reader: ObjectReader): void {
  if (attributes.operation !== 'CREATE') throw denied(attributes, `unexpected operation ${attributes.operation}`)
  const pod = reader.get<Pod>(PODS, attributes.namespace, attributes.name)
  if (pod === undefined) throw notFound({ group: '', resource: 'pod' }, attributes.name)
  if (pod.spec.nodeName !== node) throw denied(attributes, `node ${node} can only evict pods with spec.nodeName set to itself`)
}
