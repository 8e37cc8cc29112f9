/** Freezes a parsed JSON value and all below it; returns the same value. For tests: production relies on readonly types. */
export function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const child of Object.values(value)) freezeDeep(child)
  return value
}
