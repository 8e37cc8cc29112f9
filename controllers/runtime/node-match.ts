import type { Node, NodeSelector, NodeSelectorRequirement, Pod, Taint, Toleration } from '../../core/api/types/core-v1.ts'

/**
 * Whether a pod may be on a node, as far as workload controllers need it. Source: Kubernetes documentation, "Assigning
 * Pods to Nodes" and "Taints and Tolerations".
 */

const INTEGER = /^[+-]?\d+$/

/** Node selector and required node affinity together. */
export function matchesNode({ spec }: Pick<Pod, 'spec'>, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (labels[key] !== value) return false
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return required === undefined || matchesSelector(required, node)
}

/** Any term suffices, all requirements of a term must hold; neither an empty term nor an empty selector matches. */
export function matchesSelector({ nodeSelectorTerms }: NodeSelector, node: Node): boolean {
  return nodeSelectorTerms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false
    const fields = { 'metadata.name': node.metadata.name }
    const labels = node.metadata.labels ?? {}
    return matchExpressions.every((each) => holds(each, labels)) && matchFields.every((each) => holds(each, fields))
  })
}

function holds({ key, operator, values = [] }: NodeSelectorRequirement, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[key]
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
    case 'Lt':
      return compares(operator, value ?? '', values[0] ?? '')
  }
}

function compares(operator: 'Gt' | 'Lt', value: string, bound: string): boolean {
  if (!INTEGER.test(value) || !INTEGER.test(bound)) return false
  return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound)
}

export function tolerates({ key = '', operator = 'Equal', value = '', effect }: Toleration, taint: Taint): boolean {
  if (effect !== undefined && effect !== taint.effect) return false
  if (key !== '' && key !== taint.key) return false
  switch (operator) {
    case 'Exists':
      return true
    case 'Equal':
      return key !== '' && value === (taint.value ?? '')
    case 'Lt':
    case 'Gt':
      return compares(operator, taint.value ?? '', value)
  }
}

/** Taints with one of `effects` that no toleration covers. */
export function untolerated(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly Taint['effect'][],
): readonly Taint[] {
  return (taints ?? []).filter((taint) => effects.includes(taint.effect) && !(tolerations ?? []).some((each) => tolerates(each, taint)))
}
