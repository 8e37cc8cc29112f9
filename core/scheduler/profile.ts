import { namespaces } from '../api/kinds.ts'
import type { NamespaceLabels } from './affinity-terms.ts'
import type { Plugin } from './framework.ts'
import { balancedAllocation } from './plugins/balanced-allocation.ts'
import { defaultSelectorOf } from './plugins/default-spread.ts'
import { imageLocality } from './plugins/image-locality.ts'
import { interPodAffinity } from './plugins/inter-pod-affinity.ts'
import { nodeAffinity } from './plugins/node-affinity.ts'
import { nodeName } from './plugins/node-name.ts'
import { nodePorts } from './plugins/node-ports.ts'
import { nodeResourcesFit } from './plugins/node-resources-fit.ts'
import { nodeUnschedulable } from './plugins/node-unschedulable.ts'
import { podTopologySpread } from './plugins/pod-topology-spread.ts'
import { resourceClaims } from './plugins/resource-claims.ts'
import { taintToleration } from './plugins/taint-toleration.ts'
import { type VolumeDeps, volumeBinding } from './plugins/volume-binding.ts'
import { volumeRestrictions } from './plugins/volume-restrictions.ts'

/** The profile that pods get when they name no scheduler. */
export const DEFAULT_SCHEDULER = 'default-scheduler'

/** What plugins need beyond the pods and nodes of the cycle. */
export interface Profile {
  /** In the order of the default profile; the first that rejects a node gives the reason. */
  readonly plugins: readonly Plugin[]
  readonly namespaceLabels: NamespaceLabels
}

/** The plugins of Kubernetes' default scheduler, with its weights and order. */
export function defaultProfile(deps: VolumeDeps): Profile {
  const namespaceLister = deps.informers.informer(namespaces)
  const namespaceLabels: NamespaceLabels = (namespace) => namespaceLister.get(namespace)?.metadata.labels
  const plugins = [
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    volumeRestrictions(deps.informers),
    volumeBinding(deps),
    resourceClaims,
    podTopologySpread(defaultSelectorOf(deps.informers)),
    interPodAffinity(namespaceLabels),
    balancedAllocation,
    imageLocality,
  ]
  return { plugins, namespaceLabels }
}
