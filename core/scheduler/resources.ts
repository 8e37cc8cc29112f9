import { type Arithmetic, aggregate, isPodLevelResource } from '../api/rules/pod-resources.ts'
import type { Container, Pod } from '../api/types/core-v1.ts'
import { parseQuantity, toMilli, toUnits } from '../meta/quantity.ts'

/** Amounts by resource name: cpu in thousandths, everything else in whole units (bytes, pods, devices). */
export type Amounts = Map<string, number>

type ResourceList = Readonly<Record<string, string>> | undefined

/** What a container without a request is counted as when nodes are compared, so that such pods spread as well. */
const DEFAULT_REQUESTS: Readonly<Record<string, number>> = { cpu: 100, memory: 200 * 1024 * 1024 }

export function amountsOf(list: ResourceList): Amounts {
  const amounts: Amounts = new Map()
  for (const name in list) amounts.set(name, amountOf(name, list[name]))
  return amounts
}

/** Thousandths for cpu, whole units for everything else, rounded up. */
export function amountOf(resource: string, quantity: string | undefined): number {
  const parsed = parseQuantity(quantity)
  return resource === 'cpu' ? toMilli(parsed) : toUnits(parsed)
}

/**
 * What a pod asks of its node: containers and sidecars together, or the largest step of initialisation if that is more, plus
 * overhead. With `nonZero`, containers without a request for cpu or memory count with a default.
 * Source: Kubernetes documentation, "Init Containers", "Sidecar Containers", "Pod Overhead".
 */
export function podRequests(pod: Pod, nonZero = false): Amounts {
  const { spec } = pod
  const total = aggregate(spec, (container) => containerRequests(container, nonZero), FAST)
  for (const [name, amount] of amountsOf(spec.resources?.requests)) if (isPodLevelResource(name)) total.set(name, amount)
  addAll(total, amountsOf(spec.overhead))
  return total
}

const FAST: Arithmetic<number> = { plus: (a, b) => a + b, larger: Math.max }

function containerRequests(container: Container, nonZero: boolean): Amounts {
  const amounts = amountsOf(container.resources.requests)
  if (nonZero) for (const name in DEFAULT_REQUESTS) if (!amounts.has(name)) amounts.set(name, DEFAULT_REQUESTS[name] ?? 0)
  return amounts
}

/** Adds `more`, `times` once or subtracting with -1, into `target`. */
export function addAll(target: Amounts, more: ReadonlyMap<string, number>, times: 1 | -1 = 1): void {
  for (const [name, amount] of more) target.set(name, (target.get(name) ?? 0) + times * amount)
}
