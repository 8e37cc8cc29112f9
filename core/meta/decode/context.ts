/** One thing noticed while decoding. Paths are completed on the way out, so the common case pays nothing for them. */
export type DecodeEvent =
  /** `path` as strict decoding shows it: `spec.containers[0].foo`. */
  | { readonly type: 'unknown'; path: string }
  /** A value of the wrong JSON type; `path` has field names alone, `struct` is the Go type around the innermost one. */
  | { readonly type: 'wrongType'; path: string; struct: string; readonly value: string; readonly goType: string }
  /** Text of a value's own parser (times, quantities); Go stops there and shows no path. */
  | { readonly type: 'text'; path: string; readonly text: string }

/** State of one decoding. */
export interface DecodeContext {
  readonly events: DecodeEvent[]
  /** Object keys met so far; with `countKeys` also below values that are kept as they are. */
  keys: number
  readonly countKeys: boolean
}

export function wrongType(context: DecodeContext, value: unknown, goType: string): void {
  context.events.push({ type: 'wrongType', path: '', struct: '', value: jsonTypeOf(value), goType })
}

/** Go's word for a JSON value; numbers that do not fit carry their text. */
function jsonTypeOf(value: unknown): string {
  if (typeof value === 'number') return 'number'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  return Array.isArray(value) ? 'array' : 'object'
}

/** A number that the integer type cannot hold. */
export function wrongNumber(context: DecodeContext, value: number, goType: string): void {
  context.events.push({ type: 'wrongType', path: '', struct: '', value: `number ${value}`, goType })
}

/** Puts `key` before the paths of the events from `start` on; `struct` names the Go type that has the field. */
export function underField(context: DecodeContext, start: number, key: string, struct: string): number {
  const { events } = context
  for (let i = start; i < events.length; i += 1) {
    const event = events[i]
    if (event === undefined) continue
    event.path = event.path === '' || event.path.startsWith('[') ? key + event.path : `${key}.${event.path}`
    if (event.type === 'wrongType' && event.struct === '') event.struct = struct
  }
  return events.length
}

/** Puts the index before the paths of unknown fields; Go leaves it out of type errors. */
export function underIndex(context: DecodeContext, start: number, index: number): number {
  const { events } = context
  for (let i = start; i < events.length; i += 1) {
    const event = events[i]
    if (event?.type !== 'unknown') continue
    event.path = event.path.startsWith('[') ? `[${index}]${event.path}` : `[${index}].${event.path}`
  }
  return events.length
}

/** Puts a map key before the paths of unknown fields; Go leaves it out of type errors. */
export function underMapKey(context: DecodeContext, start: number, key: string): number {
  const { events } = context
  for (let i = start; i < events.length; i += 1) {
    const event = events[i]
    if (event?.type === 'unknown') event.path = event.path.startsWith('[') ? key + event.path : `${key}.${event.path}`
  }
  return events.length
}

/** Counts the keys of a value that is kept or dropped whole. */
export function countKeys(context: DecodeContext, value: unknown): void {
  if (!context.countKeys || typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) countKeys(context, item)
    return
  }
  for (const key in value) {
    context.keys += 1
    countKeys(context, (value as Readonly<Record<string, unknown>>)[key])
  }
}
