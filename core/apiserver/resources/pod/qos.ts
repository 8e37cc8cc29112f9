import type { Pod, PodSpec, ResourceRequirements } from '../../../api/types/core-v1.ts'
import { addQuantity, compareQuantity, parseQuantity, type Quantity, ZERO_QUANTITY } from '../../../meta/quantity.ts'

export type QosClass = NonNullable<Pod['status']['qosClass']>

const COMPUTE = ['cpu', 'memory'] as const

type Totals = Map<string, Quantity>

/** Adds the positive compute amounts of a list; answers the names it found. */
function collect(total: Totals, list: Readonly<Record<string, string>> | undefined): Set<string> {
  const found = new Set<string>()
  for (const name of COMPUTE) {
    const quantity = parseQuantity(list?.[name])
    if (quantity.nano <= 0n) continue
    found.add(name)
    total.set(name, addQuantity(total.get(name) ?? ZERO_QUANTITY, quantity))
  }
  return found
}

/** Who is evicted last: see the Kubernetes documentation, "Pod Quality of Service Classes". Pod-level resources decide alone. */
export function qosClassOf(spec: PodSpec): QosClass {
  const requests: Totals = new Map()
  const limits: Totals = new Map()
  const parts: readonly ResourceRequirements[] =
    spec.resources === undefined ? [...spec.containers, ...(spec.initContainers ?? [])].map(({ resources }) => resources) : [spec.resources]
  let limited = true
  for (const part of parts) {
    collect(requests, part.requests)
    if (collect(limits, part.limits).size < COMPUTE.length) limited = false
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort'
  const equal = requests.size === limits.size && [...requests].every(([name, quantity]) => same(quantity, limits.get(name)))
  return limited && equal ? 'Guaranteed' : 'Burstable'
}

const same = (a: Quantity, b: Quantity | undefined): boolean => b !== undefined && compareQuantity(a, b) === 0
