import { nodes } from '../../../core/api/kinds.ts'
import type { Node } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Lister } from '../../../core/client/informer.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { keyOf, type ObjectKey } from '../../../core/meta/object.ts'
import { ignoreNotFound } from '../../../core/meta/status-error.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { type Subnets, subnetsOf } from './subnets.ts'

/**
 * Gives every node its part of each pod network. Source: Kubernetes documentation, kube-controller-manager, allocate-node-cidrs.
 */
export interface NodeIpamDeps {
  readonly client: Client
  readonly nodes: Lister<Node>
  readonly recorder: EventRecorder
  readonly clusterCidrs: readonly string[]
  readonly maskIpv4: number
  readonly maskIpv6: number
}

export function nodeIpamController(deps: NodeIpamDeps): Controller {
  const networks = deps.clusterCidrs.map((cidr) => subnetsOf(cidr, cidr.includes(':') ? deps.maskIpv6 : deps.maskIpv4))
  // What was written and may not be in the cache yet.
  const assigned = new Map<string, readonly string[]>()
  return {
    name: 'node-ipam',
    // One at a time: two nodes must never get the same part.
    concurrency: 1,
    watches: [watch(nodes, (node) => [keyOf(node)])],
    reconcile: (key, context) => reconcile(key, { deps, networks, assigned }, context),
  }
}

interface State {
  readonly deps: NodeIpamDeps
  readonly networks: readonly Subnets[]
  readonly assigned: Map<string, readonly string[]>
}

async function reconcile(key: ObjectKey, { deps, networks, assigned }: State, { signal }: ReconcileContext): Promise<Result> {
  const node = deps.nodes.get(key)
  if (node === undefined) {
    assigned.delete(key)
    return done
  }
  if (networks.length === 0 || (node.spec.podCIDRs ?? []).length > 0) return done
  const { name, uid, resourceVersion } = node.metadata
  const taken = [...deps.nodes.list().flatMap(({ spec }) => spec.podCIDRs ?? []), ...[...assigned.values()].flat()]
  const podCIDRs = assigned.get(key) ?? planCidrs(networks, taken)
  if (podCIDRs === undefined) {
    deps.recorder.event(node, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`)
    throw new Error('no pod CIDR is left for the node')
  }
  assigned.set(key, podCIDRs)
  const body = { metadata: { uid, resourceVersion }, spec: { podCIDR: podCIDRs[0], podCIDRs } }
  await ignoreNotFound(deps.client.patch(nodes, node.metadata, { type: 'merge', body }, { signal }))
  return done
}

/** The lowest free part of each network; undefined when one of them is full. */
export function planCidrs(networks: readonly Subnets[], taken: readonly string[]): readonly string[] | undefined {
  const chosen: string[] = []
  for (const network of networks) {
    const used = new Set(taken.map((cidr) => network.indexOf(cidr)))
    let index = 0
    while (index < network.count && used.has(index)) index += 1
    if (index === network.count) return undefined
    chosen.push(network.at(index))
  }
  return chosen
}
