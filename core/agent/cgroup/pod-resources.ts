import { podTotalWithOverhead } from '../../api/rules/pod-resources.ts'
import type { Container, Pod } from '../../api/types/core-v1.ts'
import { type Quantity, toMilli, toUnits, ZERO_QUANTITY } from '../../meta/quantity.ts'

/** What the containers of a pod ask for together. Undefined limits: at least one container has none. */
export interface PodResources {
  readonly cpuRequestMillicores: number
  readonly cpuLimitMillicores: number | undefined
  readonly memoryRequestBytes: number
  readonly memoryLimitBytes: number | undefined
}

/**
 * Together, at the moment when it is most, with the overhead of the runtime; what is given for the pod as a whole takes precedence.
 * Source: Kubernetes documentation, "Sidecar containers", resource sharing.
 */
export function podResources({ spec }: Pod): PodResources {
  const requests = podTotalWithOverhead(spec, 'requests')
  const limits = podTotalWithOverhead(spec, 'limits')
  const limitOf = (name: string): Quantity | undefined => {
    const isLimited = ({ resources }: Container): boolean => resources.limits?.[name] !== undefined
    const whole = spec.resources?.limits?.[name] !== undefined
    return whole || [...spec.containers, ...(spec.initContainers ?? [])].every(isLimited) ? limits.get(name) : undefined
  }
  const [cpu, memory] = [limitOf('cpu'), limitOf('memory')]
  return {
    cpuRequestMillicores: toMilli(requests.get('cpu') ?? ZERO_QUANTITY),
    cpuLimitMillicores: cpu && toMilli(cpu),
    memoryRequestBytes: toUnits(requests.get('memory') ?? ZERO_QUANTITY),
    memoryLimitBytes: memory && toUnits(memory),
  }
}
