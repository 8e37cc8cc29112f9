import { addQuantity, compareQuantity, parseQuantity, type Quantity, ZERO_QUANTITY } from '../../meta/quantity.ts'
import type { PodSpec } from '../types/core-v1.ts'
import { isSidecar } from './pod-containers.ts'

type ResourceKind = 'limits' | 'requests'

export const isHugePages = (resource: string): boolean => resource.startsWith('hugepages-')

/** Resources that a pod may ask for as a whole. */
export const isPodLevelResource = (resource: string): boolean => resource === 'cpu' || resource === 'memory' || isHugePages(resource)

const larger = (a: Quantity, b: Quantity): Quantity => (compareQuantity(a, b) < 0 ? b : a)

function add(total: Map<string, Quantity>, list: Readonly<Record<string, string>> | undefined): void {
  for (const [name, text] of Object.entries(list ?? {})) total.set(name, addQuantity(total.get(name) ?? ZERO_QUANTITY, parseQuantity(text)))
}

/**
 * What the containers of a pod need together: the sum of those that run at the same time, and at least what each step of
 * initialisation needs with the sidecars started before it. Source: Kubernetes documentation, "Sidecar Containers", resources.
 */
export function aggregateContainers(spec: PodSpec, kind: ResourceKind): Map<string, Quantity> {
  const running = new Map<string, Quantity>()
  for (const container of spec.containers) add(running, container.resources[kind])
  const sidecars = new Map<string, Quantity>()
  const peak = new Map<string, Quantity>()
  for (const container of spec.initContainers ?? []) {
    const step = new Map(sidecars)
    add(step, container.resources[kind])
    if (isSidecar(container)) {
      add(running, container.resources[kind])
      add(sidecars, container.resources[kind])
    }
    for (const [name, quantity] of step) peak.set(name, larger(peak.get(name) ?? ZERO_QUANTITY, quantity))
  }
  for (const [name, quantity] of peak) running.set(name, larger(running.get(name) ?? ZERO_QUANTITY, quantity))
  return running
}

/** Amounts given for the pod as a whole win over what its containers need together. Overhead is not in it. */
export function podTotal(spec: PodSpec, kind: ResourceKind): Map<string, Quantity> {
  const total = aggregateContainers(spec, kind)
  for (const [name, text] of Object.entries(spec.resources?.[kind] ?? {}))
    if (isPodLevelResource(name)) total.set(name, parseQuantity(text))
  return total
}
