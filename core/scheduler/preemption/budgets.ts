import type { Pod } from '../../api/types/core-v1.ts'
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts'
import { matchesLabels, selectorOf } from '../../meta/selector.ts'
import type { PodInfo } from '../pod-info.ts'

/** Splits pods by whether taking all of them away would break a disruption budget; the order within each part is kept. */
export function splitByBudget(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): { readonly violating: readonly PodInfo[]; readonly harmless: readonly PodInfo[] } {
  const left = new Map(budgets.map((budget) => [budget, budget.status.disruptionsAllowed]))
  const [violating, harmless]: [PodInfo[], PodInfo[]] = [[], []]
  for (const pod of pods) {
    const covering = budgets.filter((budget) => covers(budget, pod.pod))
    for (const budget of covering) left.set(budget, (left.get(budget) ?? 0) - 1)
    const breaks = covering.some((budget) => (left.get(budget) ?? 0) < 0)
    ;(breaks ? violating : harmless).push(pod)
  }
  return { violating, harmless }
}

/** A pod whose disruption the budget has already granted is not counted again. */
function covers({ metadata, spec, status }: PodDisruptionBudget, pod: Pod): boolean {
  if (metadata.namespace !== pod.metadata.namespace || Object.keys(pod.metadata.labels ?? {}).length === 0) return false
  if (status.disruptedPods?.[pod.metadata.name] !== undefined) return false
  const selector = selectorOf(spec.selector)
  return selector.requirements.length > 0 && matchesLabels(selector, pod.metadata.labels)
}
