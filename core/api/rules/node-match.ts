import { comparesInteger, type Labels, matchesRequirement } from '../../meta/requirement.ts'
import type { Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, Taint, Toleration } from '../types/core-v1.ts'

/** Whether a pod may be on a node. Source: Kubernetes documentation, "Assigning Pods to Nodes" and "Taints and Tolerations". */

/** `spec.nodeSelector` and required node affinity together. */
export function matchesRequiredAffinity({ spec }: Pick<Pod, 'spec'>, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (labels[key] !== value) return false
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return required === undefined || matchesNodeSelector(required, node)
}

/** Any term suffices; a selector without terms matches nothing. */
export function matchesNodeSelector(selector: NodeSelector, node: Node): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesNodeTerm(term, node))
}

/** All of its requirements must hold; an empty term matches nothing. */
export function matchesNodeTerm(term: NodeSelectorTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? []
  const fields = term.matchFields ?? []
  if (expressions.length + fields.length === 0) return false
  const labels = node.metadata.labels ?? {}
  return (
    expressions.every((requirement) => holds(requirement, labels)) &&
    fields.every((requirement) => holds(requirement, { 'metadata.name': node.metadata.name }))
  )
}

/** Node selectors ask what label selectors ask, in other words. */
const OPERATORS = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!', Gt: 'gt', Lt: 'lt' } as const

function holds({ key, operator, values = [] }: NodeSelectorRequirement, labels: Labels): boolean {
  return matchesRequirement({ key, operator: OPERATORS[operator], values }, labels)
}

/** Names that required affinity limits the pod to by `metadata.name`, as DaemonSets do; undefined when it is not limited so. */
export function nodeNamesOf(pod: Pod): ReadonlySet<string> | undefined {
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  if (terms === undefined || terms.length === 0) return undefined
  const names = new Set<string>()
  for (const term of terms) {
    const field = term.matchFields?.find(({ key, operator }) => key === 'metadata.name' && operator === 'In')
    if (field === undefined) return undefined
    for (const name of field.values ?? []) names.add(name)
  }
  return names
}

/** `Gt` and `Lt` compare as integers, and never hold for what is not one. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = 'Equal', value = '', effect } = toleration
  if (effect !== undefined && effect !== taint.effect) return false
  if (key !== '' && key !== taint.key) return false
  switch (operator) {
    case 'Exists':
      return true
    case 'Equal':
      return key !== '' && value === (taint.value ?? '')
    case 'Lt':
    case 'Gt':
      return comparesInteger(OPERATORS[operator], taint.value ?? '', value)
  }
}

/** Taints with one of `effects` that no toleration covers. */
export function untoleratedTaints(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly Taint['effect'][],
): readonly Taint[] {
  return (taints ?? []).filter((taint) => effects.includes(taint.effect) && !(tolerations ?? []).some((each) => tolerates(each, taint)))
}

/** Whether the tolerations let a new pod onto the node, and one that runs there stay. */
export function toleratesNode(node: Node | undefined, tolerations: readonly Toleration[] | undefined): boolean {
  return untoleratedTaints(node?.spec.taints, tolerations, ['NoSchedule', 'NoExecute']).length === 0
}
