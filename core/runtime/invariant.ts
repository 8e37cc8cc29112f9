/** Crashes the component on a broken assumption; never turned into a 4xx. */
export function invariant(condition: boolean, message: string, facts: Readonly<Record<string, unknown>> = {}): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message} ${JSON.stringify(facts)}`)
}
