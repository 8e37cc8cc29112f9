import { matchesNodeTerm, matchesRequiredAffinity, nodeNamesOf } from '../../api/rules/node-match.ts'
import { isNodeEvent, normalize, type Plugin } from '../framework.ts'

const rejection = { plugin: 'NodeAffinity', reasons: ["node(s) didn't match Pod's node affinity/selector"], isFinal: true }

/** `nodeSelector`, required and preferred node affinity. */
export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  weight: 2,
  begin: ({ pod }) => {
    const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    return {
      nodes: nodeNamesOf(pod),
      filter: ({ node }) => (node !== undefined && matchesRequiredAffinity(pod, node) ? undefined : rejection),
      ...(preferred.length > 0 && {
        score: (nodes) =>
          normalize(
            nodes.map(({ node }) =>
              preferred.reduce(
                (sum, { weight, preference }) => (node !== undefined && matchesNodeTerm(preference, node) ? sum + weight : sum),
                0,
              ),
            ),
          ),
      }),
    }
  },
  wakes: (event, { pod }) => isNodeEvent(event) && matchesRequiredAffinity(pod, event.node),
}
