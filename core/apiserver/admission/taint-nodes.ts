import type { Node } from '../../api/types/core-v1.ts'
import type { Work } from '../resources/resource-def.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isCreateOf, NODES } from './target.ts'

const TAINT = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const

/** A new node takes no pods until it was seen ready. Source: kubernetes, plugin/pkg/admission/nodetaint. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  handles: (attributes) => isCreateOf(attributes, NODES),
  admit: ({ object }) => {
    const { spec } = object as Work<Node>
    const taints = spec.taints ?? []
    if (!taints.some((taint) => taint.key === TAINT.key && taint.effect === TAINT.effect)) spec.taints = [...taints, { ...TAINT }]
  },
}
