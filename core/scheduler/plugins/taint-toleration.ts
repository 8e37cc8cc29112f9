import { tolerates, toleratesNode } from '../../api/rules/node-match.ts'
import { isNodeEvent, normalize, type Plugin } from '../framework.ts'

const rejection = { plugin: 'TaintToleration', reasons: ['node(s) had untolerated taint(s)'], isFinal: true }

/** Keeps pods off nodes whose NoSchedule and NoExecute taints they do not tolerate; prefers few untolerated PreferNoSchedule ones. */
export const taintToleration: Plugin = {
  name: 'TaintToleration',
  weight: 3,
  begin: ({ pod }) => {
    const { tolerations } = pod.spec
    const soft = (tolerations ?? []).filter(({ effect }) => effect === undefined || effect === 'PreferNoSchedule')
    return {
      filter: ({ node }) => (toleratesNode(node, tolerations) ? undefined : rejection),
      score: (nodes) =>
        normalize(
          nodes.map(({ node }) => {
            const taints = (node?.spec.taints ?? []).filter(({ effect }) => effect === 'PreferNoSchedule')
            return taints.filter((taint) => !soft.some((toleration) => tolerates(toleration, taint))).length
          }),
          true,
        ),
    }
  },
  wakes: (event, { pod }) => isNodeEvent(event) && toleratesNode(event.node, pod.spec.tolerations),
}
