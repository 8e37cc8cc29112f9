import { podAmounts } from '../../../api/rules/quota-usage.ts'
import type { Container, Pod } from '../../../api/types/core-v1.ts'
import { parseQuantity, type Quantity } from '../../../meta/quantity.ts'

/** A quota on one of these obliges every container to state it. */
const OBLIGATORY: ReadonlySet<string> = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'])

/** What containers fail to state although a quota limits it: `must specify cpu for: a,b; memory for: a`. */
export function constraintProblem(pod: Pod, limited: readonly string[]): string | undefined {
  const whole = new Set(amountsOf(pod.spec.resources ?? {}).keys())
  const required = limited.filter((name) => OBLIGATORY.has(name) && !whole.has(name))
  if (required.length === 0) return undefined
  const missing = new Map<string, string[]>()
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    const stated = amountsOf(container.resources)
    for (const name of required) if (!stated.has(name)) missing.set(name, [...(missing.get(name) ?? []), container.name])
  }
  if (missing.size === 0) return undefined
  const texts = [...missing]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, containers]) => `${name} for: ${[...containers].sort().join(',')}`)
  return `must specify ${texts.join('; ')}`
}

type Resources = Pick<Container['resources'], 'requests' | 'limits'>

function amountsOf({ requests, limits }: Resources): Map<string, Quantity> {
  return podAmounts(quantities(requests), quantities(limits))
}

function quantities(list: Readonly<Record<string, string>> | undefined): Map<string, Quantity> {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]))
}
