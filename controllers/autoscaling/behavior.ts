import type { HorizontalPodAutoscaler, HPAScalingRules } from '../../core/api/types/autoscaling-v2.ts'

/** How fast a workload may follow its recommendations. Pure. Source: Kubernetes documentation, "Configurable scaling behavior". */

export interface Recommendation {
  readonly replicas: number
  readonly atMs: number
}

export interface ScaleEvent {
  /** Positive in both directions. */
  readonly change: number
  readonly atMs: number
}

/** What has happened to one autoscaler lately. */
export interface History {
  readonly recommendations: readonly Recommendation[]
  readonly ups: readonly ScaleEvent[]
  readonly downs: readonly ScaleEvent[]
}

export const NO_HISTORY: History = { recommendations: [], ups: [], downs: [] }

export interface Limited {
  readonly replicas: number
  /** Held by earlier recommendations. */
  readonly stabilized: 'up' | 'down' | undefined
  /** Held by a limit. */
  readonly limit: { readonly reason: string; readonly message: string } | undefined
}

const DEFAULT_UP: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
}
const DEFAULT_DOWN: HPAScalingRules = {
  stabilizationWindowSeconds: 300,
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
}

/** The behaviour of both directions with the defaults filled in. */
export function rulesOf({ spec }: HorizontalPodAutoscaler): { readonly up: HPAScalingRules; readonly down: HPAScalingRules } {
  return { up: { ...DEFAULT_UP, ...spec.behavior?.scaleUp }, down: { ...DEFAULT_DOWN, ...spec.behavior?.scaleDown } }
}

/** From what the metrics ask for to what may be done now. */

/** The wanted count after stabilisation windows, rates and bounds, and which of them held it back. */
export function planScale(
  autoscaler: HorizontalPodAutoscaler,
  wanted: number,
  current: number,
  { history, nowMs }: { readonly history: History; readonly nowMs: number },
): Limited {
  const { up, down } = rulesOf(autoscaler)
  const calm = stabilize(wanted, current, { up, down, history, nowMs })
  const { minReplicas = 1, maxReplicas } = autoscaler.spec
  const stabilized = calm === wanted ? undefined : calm > wanted ? 'down' : 'up'
  if (calm > current) {
    const allowed = Math.max(upLimit(current, up, history, nowMs), current)
    if (calm > Math.min(allowed, maxReplicas)) {
      return allowed < maxReplicas
        ? {
            replicas: allowed,
            stabilized,
            limit: { reason: 'ScaleUpLimit', message: 'the desired replica count is increasing faster than the maximum scale rate' },
          }
        : {
            replicas: maxReplicas,
            stabilized,
            limit: { reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' },
          }
    }
  }
  if (calm < current) {
    const allowed = Math.min(downLimit(current, down, history, nowMs), current)
    if (calm < Math.max(allowed, minReplicas)) {
      return allowed > minReplicas
        ? {
            replicas: allowed,
            stabilized,
            limit: { reason: 'ScaleDownLimit', message: 'the desired replica count is decreasing faster than the maximum scale rate' },
          }
        : {
            replicas: minReplicas,
            stabilized,
            limit: { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' },
          }
    }
  }
  return bound(calm, { minReplicas, maxReplicas, stabilized })
}

function bound(
  replicas: number,
  {
    minReplicas,
    maxReplicas,
    stabilized,
  }: { readonly minReplicas: number; readonly maxReplicas: number; readonly stabilized: Limited['stabilized'] },
): Limited {
  if (replicas > maxReplicas)
    return {
      replicas: maxReplicas,
      stabilized,
      limit: { reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' },
    }
  if (replicas < minReplicas)
    return {
      replicas: minReplicas,
      stabilized,
      limit: { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' },
    }
  return { replicas, stabilized, limit: undefined }
}

interface Window {
  readonly up: HPAScalingRules
  readonly down: HPAScalingRules
  readonly history: History
  readonly nowMs: number
}

/** Up only as far as all recent recommendations agree, down only as far as none of them asked for more. */
function stabilize(wanted: number, current: number, { up, down, history, nowMs }: Window): number {
  let lowest = wanted
  let highest = wanted
  for (const { replicas, atMs } of history.recommendations) {
    if (atMs > nowMs - (up.stabilizationWindowSeconds ?? 0) * 1000) lowest = Math.min(lowest, replicas)
    if (atMs > nowMs - (down.stabilizationWindowSeconds ?? 0) * 1000) highest = Math.max(highest, replicas)
  }
  return Math.max(Math.min(current, highest), lowest)
}

function upLimit(current: number, rules: HPAScalingRules, { ups, downs }: History, nowMs: number): number {
  if (rules.selectPolicy === 'Disabled') return current
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const startedAt = current - changesIn(ups, periodSeconds, nowMs) + changesIn(downs, periodSeconds, nowMs)
    return type === 'Percent' ? Math.ceil(startedAt * (1 + value / 100)) : startedAt + value
  })
  return rules.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits)
}

function downLimit(current: number, rules: HPAScalingRules, { ups, downs }: History, nowMs: number): number {
  if (rules.selectPolicy === 'Disabled') return current
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const startedAt = current + changesIn(downs, periodSeconds, nowMs) - changesIn(ups, periodSeconds, nowMs)
    return type === 'Percent' ? Math.trunc(startedAt * (1 - value / 100)) : startedAt - value
  })
  // The policy that allows most leaves fewest.
  return rules.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits)
}

function changesIn(events: readonly ScaleEvent[], periodSeconds: number, nowMs: number): number {
  return events.filter(({ atMs }) => atMs > nowMs - periodSeconds * 1000).reduce((sum, { change }) => sum + change, 0)
}

/** The history after a recommendation, and where the size changed after that change; what no window reaches is dropped. */
export function remember(
  autoscaler: HorizontalPodAutoscaler,
  history: History,
  { wanted, change, nowMs }: { readonly wanted: number; readonly change: number; readonly nowMs: number },
): History {
  const { up, down } = rulesOf(autoscaler)
  const windowMs = Math.max(up.stabilizationWindowSeconds ?? 0, down.stabilizationWindowSeconds ?? 0) * 1000
  const periodMs = 1000 * Math.max(0, ...[...(up.policies ?? []), ...(down.policies ?? [])].map(({ periodSeconds }) => periodSeconds))
  const recent = <T extends { readonly atMs: number }>(list: readonly T[], ms: number): readonly T[] =>
    list.filter(({ atMs }) => atMs > nowMs - ms)
  return {
    recommendations: [...recent(history.recommendations, windowMs), { replicas: wanted, atMs: nowMs }],
    ups: [...recent(history.ups, periodMs), ...(change > 0 ? [{ change, atMs: nowMs }] : [])],
    downs: [...recent(history.downs, periodMs), ...(change < 0 ? [{ change: -change, atMs: nowMs }] : [])],
  }
}
