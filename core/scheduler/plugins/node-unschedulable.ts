import { tolerates } from '../../api/rules/node-match.ts'
import type { Taint } from '../../api/types/core-v1.ts'
import { isNodeEvent, type Plugin } from '../framework.ts'

const CORDON: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }
const rejection = { plugin: 'NodeUnschedulable', reasons: ['node(s) were unschedulable'], isFinal: true }

/** Keeps pods off cordoned nodes, unless they tolerate the taint of cordoning. */
export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  begin: ({ pod }) => {
    if (pod.spec.tolerations?.some((toleration) => tolerates(toleration, CORDON)) === true) return undefined
    return { filter: ({ node }) => (node?.spec.unschedulable === true ? rejection : undefined) }
  },
  wakes: (event) => isNodeEvent(event) && event.node.spec.unschedulable !== true,
}
