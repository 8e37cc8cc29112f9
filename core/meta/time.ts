/** RFC 3339 with whole seconds, the form of metav1.Time. */
export function toTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** RFC 3339 with microseconds, the form of metav1.MicroTime. */
export function toMicroTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`
}

/** Milliseconds since the epoch of a metav1.Time or MicroTime; undefined when the text is none. */
export function parseTimestamp(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}
