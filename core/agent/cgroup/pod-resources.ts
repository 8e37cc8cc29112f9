import { isSidecar } from '../../api/rules/pod-containers.ts'
import type { Container, Pod } from '../../api/types/core-v1.ts'
import { parseQuantity, toMilli, toUnits } from '../../meta/quantity.ts'

/** What the containers of a pod ask for together. Undefined limits: at least one container has none. */
export interface PodResources {
  readonly cpuRequestMillicores: number
  readonly cpuLimitMillicores: number | undefined
  readonly memoryRequestBytes: number
  readonly memoryLimitBytes: number | undefined
}

/**
 * The larger of what runs together (containers and sidecars) and of each init step with the sidecars started before it, plus the
 * overhead of the runtime; pod-level amounts take precedence. Source: Kubernetes documentation, "Sidecar containers", resource sharing.
 */
export function podResources(pod: Pod): PodResources {
  const { spec } = pod
  const read = (kind: 'requests' | 'limits', name: string, convert: (text: string | undefined) => number): number | undefined => {
    const own = spec.resources?.[kind]?.[name]
    if (own !== undefined) return convert(own)
    const sum = together(pod, (container) => {
      const text = container.resources[kind]?.[name]
      return text === undefined && kind === 'limits' ? undefined : convert(text)
    })
    return sum === undefined ? undefined : sum + convert(spec.overhead?.[name])
  }
  return {
    cpuRequestMillicores: read('requests', 'cpu', millicores) ?? 0,
    cpuLimitMillicores: read('limits', 'cpu', millicores),
    memoryRequestBytes: read('requests', 'memory', bytes) ?? 0,
    memoryLimitBytes: read('limits', 'memory', bytes),
  }
}

const millicores = (text: string | undefined): number => toMilli(parseQuantity(text))
const bytes = (text: string | undefined): number => toUnits(parseQuantity(text))

function together(pod: Pod, valueOf: (container: Container) => number | undefined): number | undefined {
  let sidecars = 0
  let steps = 0
  for (const container of pod.spec.initContainers ?? []) {
    const value = valueOf(container)
    if (value === undefined) return undefined
    if (isSidecar(container)) sidecars += value
    else steps = Math.max(steps, sidecars + value)
  }
  let sum = sidecars
  for (const container of pod.spec.containers) {
    const value = valueOf(container)
    if (value === undefined) return undefined
    sum += value
  }
  return Math.max(sum, steps)
}
