/** A port number or name, a count or a percentage: JSON number or string. */
export type IntOrString = number | string

const PERCENT = /^[0-9]+%$/

/**
 * The number that `value` means of `total`, a percentage rounded up or down. Undefined when it is neither a number nor a percentage.
 * Source: Kubernetes documentation of maxSurge, maxUnavailable and minAvailable.
 */
export function resolveIntOrPercent(value: IntOrString, total: number, round: 'up' | 'down'): number | undefined {
  if (typeof value === 'number') return value
  if (!PERCENT.test(value)) return undefined
  const scaled = (Number(value.slice(0, -1)) * total) / 100
  return round === 'up' ? Math.ceil(scaled) : Math.floor(scaled)
}
