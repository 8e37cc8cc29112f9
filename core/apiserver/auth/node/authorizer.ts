import type { VolumeAttachment } from '../../../api/types/storage-v1.ts'
import { parseFieldSelector, requiredFieldValue } from '../../../meta/field-selector.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import type { Attributes, Authorizer, Decision } from '../auth.ts'
import { allows, type CompiledRule } from '../rbac/rule.ts'
import { nodeNameOf } from '../users.ts'
import type { NodeGraph } from './graph.ts'
import type { ReferenceKind } from './references.ts'

type ResourceAttributes = Extract<Attributes, { readonly kind: 'resource' }>
type Judge = (node: string, attributes: ResourceAttributes) => Decision

const ALLOWED: Decision = Object.freeze({ allowed: true, reason: '' })
const NO_OPINION: Decision = Object.freeze({ allowed: false, reason: '' })
const no = (reason: string): Decision => ({ allowed: false, reason })
const LEASE_NAMESPACE = 'kube-node-lease'
const OWN_VERBS: ReadonlySet<string> = new Set(['get', 'create', 'update', 'patch', 'delete'])

export interface NodeAuthorizerDeps {
  readonly graph: NodeGraph
  readonly reader: ObjectReader
  /** Rules of the ClusterRole system:node, for resources that are not divided by node. */
  readonly rules: readonly CompiledRule[]
}

/** What a kubelet may do: its own node, the pods bound to it, and what those use. Source: kubernetes, plugin/pkg/auth/authorizer/node. */
export function nodeAuthorizer(deps: NodeAuthorizerDeps): Authorizer {
  const judges = judgesOf(deps)
  return {
    authorize: (attributes) => {
      const node = nodeNameOf(attributes.user)
      if (node === undefined) return NO_OPINION
      if (node === '') return no(`unknown node for user ${JSON.stringify(attributes.user.name)}`)
      const judge = attributes.kind === 'resource' ? judges.get(`${attributes.group}/${attributes.resource}`) : undefined
      if (judge !== undefined && attributes.kind === 'resource') return judge(node, attributes)
      return deps.rules.some((rule) => allows(rule, attributes)) ? ALLOWED : NO_OPINION
    },
  }
}

function judgesOf(deps: NodeAuthorizerDeps): ReadonlyMap<string, Judge> {
  const { graph } = deps
  const uses =
    (kind: ReferenceKind): Judge =>
    (node, a) =>
      related(node, a, () => graph.isUsed(node, kind, a.namespace, a.name))
  return new Map<string, Judge>([
    ['/secrets', reading(uses('secret'))],
    ['/configmaps', reading(uses('configmap'))],
    ['/persistentvolumeclaims', claimJudge(uses('pvc'))],
    ['/persistentvolumes', getting((node, a) => related(node, a, () => graph.isVolumeUsed(node, a.name)))],
    ['/serviceaccounts', accountJudge(uses('serviceaccount'))],
    ['resource.k8s.io/resourceclaims', getting(uses('resourceclaim'))],
    ['resource.k8s.io/resourceslices', sliceJudge],
    ['storage.k8s.io/volumeattachments', getting((node, a) => related(node, a, () => isAttachedTo(deps.reader, node, a.name)))],
    ['coordination.k8s.io/leases', leaseJudge],
    ['storage.k8s.io/csinodes', csiNodeJudge],
    ['/nodes', nodeJudge],
    ['/pods', podJudge(deps)],
  ])
}

function related(node: string, { name }: ResourceAttributes, isUsed: () => boolean): Decision {
  if (name === '') return no('No Object name found')
  return isUsed() ? ALLOWED : no(`no relationship found between node '${node}' and this object`)
}

function reading(judge: Judge): Judge {
  return (node, attributes) => {
    if (!['get', 'list', 'watch'].includes(attributes.verb)) return no('can only read resources of this type')
    if (attributes.subresource !== '') return no('cannot read subresource')
    if (attributes.namespace === '') return no('can only read namespaced object of this type')
    return judge(node, attributes)
  }
}

function getting(judge: Judge): Judge {
  return (node, attributes) => {
    if (attributes.verb !== 'get') return no('can only get individual resources of this type')
    if (attributes.subresource !== '') return no('cannot get subresource')
    return judge(node, attributes)
  }
}

function claimJudge(judge: Judge): Judge {
  return (node, attributes) => {
    if (attributes.subresource !== 'status') return getting(judge)(node, attributes)
    if (attributes.verb !== 'update' && attributes.verb !== 'patch') return no('can only update status')
    return judge(node, attributes)
  }
}

function accountJudge(judge: Judge): Judge {
  return (node, attributes) => {
    if (attributes.verb === 'get' && attributes.subresource === '') return judge(node, attributes)
    if (attributes.verb !== 'create' || attributes.name === '') return no('can only create tokens for individual service accounts')
    if (attributes.subresource !== 'token') return no('can only create token subresource of serviceaccount')
    return judge(node, attributes)
  }
}

const leaseJudge: Judge = (node, { verb, namespace, name }) => {
  if (!OWN_VERBS.has(verb)) return no('can only get, create, update, patch, or delete a node lease')
  if (namespace !== LEASE_NAMESPACE) return no(`can only access leases in the ${JSON.stringify(LEASE_NAMESPACE)} system namespace`)
  if (verb !== 'create' && name !== node) return no('can only access node lease with the same name as the requesting node')
  return ALLOWED
}

const csiNodeJudge: Judge = (node, { verb, subresource, name }) => {
  if (subresource !== '') return no('cannot authorize CSINode subresources')
  if (!OWN_VERBS.has(verb)) return no('can only get, create, update, patch, or delete a CSINode')
  if (verb !== 'create' && name !== node) return no('can only access CSINode with the same name as the requesting node')
  return ALLOWED
}

const sliceJudge: Judge = (node, attributes) => {
  const { verb, subresource } = attributes
  if (subresource !== '') return no('cannot authorize ResourceSlice subresources')
  // NOTE: names of slices are generated; the NodeRestriction plugin checks spec.nodeName of what is written.
  if (['create', 'get', 'update', 'patch', 'delete'].includes(verb)) return ALLOWED
  if (!['list', 'watch', 'deletecollection'].includes(verb))
    return no('only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection')
  return selects(attributes, 'spec.nodeName', node)
    ? ALLOWED
    : no('can only list/watch/deletecollection resource slices with the nodeName field selector')
}

const nodeJudge: Judge = (node, { verb, subresource, name }) => {
  if (subresource === 'status')
    return verb === 'update' || verb === 'patch' ? ALLOWED : no(`node '${node}' cannot ${verb} the status of nodes`)
  if (subresource !== '') return no(`node '${node}' cannot access the subresource ${JSON.stringify(subresource)} of nodes`)
  // NOTE: writes are narrowed to the own node by the NodeRestriction plugin, which knows the name on create.
  if (verb === 'create' || verb === 'update' || verb === 'patch') return ALLOWED
  if (!['get', 'list', 'watch'].includes(verb)) return NO_OPINION
  if (name === node) return ALLOWED
  return no(
    name === ''
      ? `node '${node}' cannot read all nodes, only its own Node object`
      : `node '${node}' cannot read '${name}', only its own Node object`,
  )
}

function podJudge({ graph }: NodeAuthorizerDeps): Judge {
  return (node, attributes) => {
    const { verb, subresource, namespace, name } = attributes
    if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOWED : NO_OPINION
    if (subresource === 'eviction') return verb === 'create' ? ALLOWED : NO_OPINION
    if (subresource !== '') return NO_OPINION
    switch (verb) {
      case 'create':
      case 'delete':
        return ALLOWED
      case 'get':
        return related(node, attributes, () => graph.isPodOn(node, namespace, name))
      case 'list':
      case 'watch':
        if (selects(attributes, 'spec.nodeName', node)) return ALLOWED
        if (name !== '') return related(node, attributes, () => graph.isPodOn(node, namespace, name))
        return no('can only list/watch pods with spec.nodeName field selector')
      default:
        return NO_OPINION
    }
  }
}

function selects({ fieldSelector }: ResourceAttributes, field: string, value: string): boolean {
  if (fieldSelector === undefined || fieldSelector === '') return false
  try {
    return requiredFieldValue(parseFieldSelector(fieldSelector), field) === value
  } catch {
    // An unreadable selector is answered with 400 after authorization; here it selects nothing.
    return false
  }
}

function isAttachedTo(reader: ObjectReader, node: string, name: string): boolean {
  const attachment = reader.get<VolumeAttachment>({ group: 'storage.k8s.io', resource: 'volumeattachments' }, '', name)
  return attachment?.spec.nodeName === node
}
