import { addQuantity, compareQuantity, parseQuantity, type Quantity } from '../../meta/quantity.ts'
import type { Container, PodSpec } from '../types/core-v1.ts'
import { isSidecar } from './pod-containers.ts'

type ResourceKind = 'limits' | 'requests'

export const isHugePages = (resource: string): boolean => resource.startsWith('hugepages-')

/** Resources that a pod may ask for as a whole. */
export const isPodLevelResource = (resource: string): boolean => resource === 'cpu' || resource === 'memory' || isHugePages(resource)

/** Amounts in whatever numbers: the API server is exact, the scheduler fast. */
export interface Arithmetic<T> {
  readonly plus: (a: T, b: T) => T
  readonly larger: (a: T, b: T) => T
}

type Amounts<T> = Iterable<readonly [resource: string, amount: T]>

/**
 * What the containers of a pod need together: the sum of those that run at the same time, and at least what each step of
 * initialisation needs with the sidecars started before it. Source: Kubernetes documentation, "Sidecar Containers", resources.
 */
export function aggregate<T>(
  spec: Pick<PodSpec, 'containers' | 'initContainers'>,
  amountsOf: (container: Container) => Amounts<T>,
  { plus, larger }: Arithmetic<T>,
): Map<string, T> {
  const merge = (into: Map<string, T>, more: Amounts<T>, combine: (a: T, b: T) => T): Map<string, T> => {
    for (const [name, amount] of more) {
      const before = into.get(name)
      into.set(name, before === undefined ? amount : combine(before, amount))
    }
    return into
  }
  const running = new Map<string, T>()
  for (const container of spec.containers) merge(running, amountsOf(container), plus)
  const sidecars = new Map<string, T>()
  const peak = new Map<string, T>()
  for (const container of spec.initContainers ?? []) {
    if (isSidecar(container)) merge(peak, merge(sidecars, amountsOf(container), plus), larger)
    else merge(peak, merge(new Map(sidecars), amountsOf(container), plus), larger)
  }
  return merge(merge(running, sidecars, plus), peak, larger)
}

const EXACT: Arithmetic<Quantity> = { plus: addQuantity, larger: (a, b) => (compareQuantity(a, b) < 0 ? b : a) }

/** `aggregate` of the quantities in requests or limits. */
export function aggregateContainers(spec: PodSpec, kind: ResourceKind): Map<string, Quantity> {
  return aggregate(spec, ({ resources }) => quantities(resources[kind]), EXACT)
}

function quantities(list: Readonly<Record<string, string>> | undefined): Amounts<Quantity> {
  return Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)])
}

/** Amounts given for the pod as a whole win over what its containers need together. Overhead is not in it. */
export function podTotal(spec: PodSpec, kind: ResourceKind): Map<string, Quantity> {
  const total = aggregateContainers(spec, kind)
  for (const [name, text] of Object.entries(spec.resources?.[kind] ?? {}))
    if (isPodLevelResource(name)) total.set(name, parseQuantity(text))
  return total
}

/** With what the runtime itself takes for a pod; overhead raises a limit only where there is one. */
export function podTotalWithOverhead(spec: PodSpec, kind: ResourceKind): Map<string, Quantity> {
  const total = podTotal(spec, kind)
  for (const [name, overhead] of quantities(spec.overhead)) {
    const sum = total.get(name)
    if (kind === 'requests' || (sum !== undefined && sum.nano !== 0n))
      total.set(name, sum === undefined ? overhead : addQuantity(sum, overhead))
  }
  return total
}
