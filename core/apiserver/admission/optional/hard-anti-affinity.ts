import type { Pod } from '../../../api/types/core-v1.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { denied } from '../denied.ts'
import { isWriteOf, PODS } from '../target.ts'

const ALLOWED = 'kubernetes.io/hostname'

/** Pods may keep others off their node, not off a whole zone. Off by default. Source: kubernetes, plugin/pkg/admission/antiaffinity. */
export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: 'LimitPodHardAntiAffinityTopology',
  handles: (attributes) => isWriteOf(attributes, PODS),
  validate: (attributes) => {
    const terms = (attributes.object as Pod).spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
    const other = terms.find(({ topologyKey }) => topologyKey !== ALLOWED)
    if (other === undefined) return
    throw denied(
      attributes,
      `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${other.topologyKey} but only key ${ALLOWED} is allowed`,
    )
  },
}
