import type { Container, Pod } from '../../api/types/core-v1.ts'
import { parseQuantity } from '../../meta/quantity.ts'

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

type Amounts = Readonly<Record<string, string>> | undefined
interface Resources {
  readonly requests?: Amounts
  readonly limits?: Amounts
}

const COUNTED = ['cpu', 'memory'] as const

/** Source: Kubernetes documentation, "Pod Quality of Service Classes". Pod-level resources, when set, decide alone. */
export function qosOf(pod: Pod): QosClass {
  const { spec } = pod
  const sources: readonly Resources[] = hasAny(spec.resources)
    ? [spec.resources ?? {}]
    : [...(spec.initContainers ?? []), ...spec.containers].map(resourcesOf)
  if (!sources.some(hasAny)) return 'BestEffort'
  return sources.every(isGuaranteed) ? 'Guaranteed' : 'Burstable'
}

const resourcesOf = (container: Container): Resources => container.resources

const amount = (amounts: Amounts, name: string): bigint => parseQuantity(amounts?.[name]).nano

function hasAny(resources: Resources | undefined): boolean {
  return COUNTED.some((name) => amount(resources?.requests, name) > 0n || amount(resources?.limits, name) > 0n)
}

function isGuaranteed({ requests, limits }: Resources): boolean {
  return COUNTED.every((name) => {
    const limit = amount(limits, name)
    return limit > 0n && (requests?.[name] === undefined || amount(requests, name) === limit)
  })
}
