/** The part that all condition types share; meta/v1 Condition and the older per-kind ones are assignable. */
export interface ConditionLike {
  readonly type: string
  readonly status: string
  readonly reason?: string | undefined
  readonly message?: string | undefined
  readonly lastTransitionTime?: string | undefined
}

/** There is at most one of a type. */
export function findCondition<C extends ConditionLike>(conditions: readonly C[] | undefined, type: string): C | undefined {
  return conditions?.find((condition) => condition.type === type)
}

/** False also when it is absent or unknown. */
export function isConditionTrue(conditions: readonly ConditionLike[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True'
}

/**
 * The list with `condition` in place of the one of its type, or appended. `lastTransitionTime` becomes `now` only when the status
 * changed; the same list is answered when nothing changed, so that callers can skip the write.
 */
export function setCondition<C extends ConditionLike>(
  conditions: readonly C[] | undefined,
  condition: Omit<C, 'lastTransitionTime'>,
  now: string,
): readonly C[] {
  const list = conditions ?? []
  const at = list.findIndex((existing) => existing.type === condition.type)
  const existing = list[at]
  if (existing === undefined) return [...list, { ...condition, lastTransitionTime: now } as C]
  const transition = existing.status === condition.status ? existing.lastTransitionTime : now
  const next = { ...existing, ...condition, lastTransitionTime: transition ?? now } as C
  return sameFields(existing, next) ? list : list.with(at, next)
}

/** The same list when there is none of the type. */
export function removeCondition<C extends ConditionLike>(conditions: readonly C[] | undefined, type: string): readonly C[] {
  const list = conditions ?? []
  return list.some((condition) => condition.type === type) ? list.filter((condition) => condition.type !== type) : list
}

function sameFields(a: object, b: object): boolean {
  const left = a as Readonly<Record<string, unknown>>
  const right = b as Readonly<Record<string, unknown>>
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) if (left[key] !== right[key]) return false
  return true
}
