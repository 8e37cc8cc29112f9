import type { Node, NodeAddress, Taint } from '../../core/api/types/core-v1.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { planAddresses } from './node-addresses.ts'

/** Keeps pods off a node until the cloud controller has described it. Source: Kubernetes docs, cloud controller administration. */
export const UNINITIALIZED_TAINT = 'node.cloudprovider.kubernetes.io/uninitialized'
export const PROVIDER_NAME = 'k3s'
const INSTANCE_TYPE = 'k3s'

/** What is to be written, absent where nothing is; addresses go first, so that a node without the taint is complete. */
export interface NodePlan {
  readonly addresses?: readonly NodeAddress[]
  readonly initialize?: Initialization
}

export interface Initialization {
  readonly labels: Readonly<Record<string, string>>
  /** A provider's name for a node never changes once it is set. */
  readonly providerID: string
  /** What is left of the taints. */
  readonly taints: readonly Taint[]
}

/** What to write: addresses that differ, and what ends the initialisation of a new node. Nothing before its agent has told an address. */
export function planNode(node: Node): NodePlan {
  const addresses = planAddresses(node)
  if (addresses === undefined) return {}
  const initialize = planInitialization(node)
  return {
    ...(!deepEqual(addresses, node.status.addresses ?? []) && { addresses }),
    ...(initialize !== undefined && { initialize }),
  }
}

function planInitialization({ metadata, spec }: Node): Initialization | undefined {
  const taints = spec.taints ?? []
  if (!taints.some(({ key }) => key === UNINITIALIZED_TAINT)) return undefined
  const known = spec.providerID ?? ''
  return {
    labels: { 'node.kubernetes.io/instance-type': INSTANCE_TYPE, 'beta.kubernetes.io/instance-type': INSTANCE_TYPE },
    providerID: known === '' ? `${PROVIDER_NAME}://${metadata.name}` : known,
    taints: taints.filter(({ key }) => key !== UNINITIALIZED_TAINT),
  }
}
