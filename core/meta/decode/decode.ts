import type { ObjectSchema } from '../schema.ts'
import type { DecodeContext, DecodeEvent } from './context.ts'
import { duplicateFields, problemsInOrder } from './duplicates.ts'
import { structuralDecoder } from './structural.ts'

export interface DecodeOptions {
  /**
   * The JSON text the value was parsed from; with it, keys that stand twice are reported. Leave it out when nobody asks
   * (fieldValidation Ignore) or when the value did not come from JSON.
   */
  readonly text?: string
}

export interface Decoded {
  /** The normalised object. The value handed in was used up. */
  readonly object: Record<string, unknown>
  /** Paths of dropped fields, in document order. */
  readonly unknownFields: readonly string[]
  readonly duplicateFields: readonly string[]
  /** Set when there are problems of both kinds and the type is built in: Go then tells them in the order of the text. */
  readonly strictOrder?: readonly string[]
  /** What Go's decoder says; the first one is what Kubernetes answers with. When there are any, `object` is incomplete. */
  readonly errors: readonly string[]
}

/**
 * Brings parsed JSON or YAML into the form that is stored. Built-in types behave as decoding into the Go struct and
 * encoding again: unknown fields and empty values go, fields that Go always writes come, quantities and times become
 * canonical. Custom types are pruned by their structural schema. Changes and consumes `value`.
 */
export function decodeObject(value: unknown, schema: ObjectSchema, options: DecodeOptions = {}): Decoded {
  const context: DecodeContext = { events: [], keys: 0, countKeys: options.text !== undefined }
  const object = structuralDecoder(schema)(value ?? {}, context)
  const duplicates = options.text === undefined ? [] : duplicateFields(options.text, context.keys)
  if (context.events.length === 0)
    return { object: object as Record<string, unknown>, unknownFields: [], duplicateFields: duplicates, errors: [] }
  return {
    object: (object ?? {}) as Record<string, unknown>,
    unknownFields: context.events.filter((event) => event.type === 'unknown').map((event) => event.path),
    duplicateFields: duplicates,
    errors: errorTexts(context.events),
    ...(duplicates.length > 0 && schema.name !== undefined && { strictOrder: inTextOrder(options.text ?? '', context.events) }),
  }
}

function inTextOrder(text: string, events: readonly DecodeEvent[]): readonly string[] {
  const unknown = new Set(events.filter((event) => event.type === 'unknown').map((event) => event.path))
  return problemsInOrder(text, unknown).map(
    ({ path, isDuplicate }) => `${isDuplicate ? 'duplicate' : 'unknown'} field ${JSON.stringify(path)}`,
  )
}

/** A failing value parser ends Go's decoding at once, so it comes before type errors, which Go remembers and goes on. */
function errorTexts(events: readonly DecodeEvent[]): readonly string[] {
  const own = events.flatMap((event) => (event.type === 'text' ? [event.text] : []))
  const types = events.flatMap((event) => (event.type === 'wrongType' ? [wrongTypeText(event)] : []))
  return [...own, ...types]
}

function wrongTypeText(event: Extract<DecodeEvent, { type: 'wrongType' }>): string {
  if (event.path === '') return `json: cannot unmarshal ${event.value} into Go value of type ${event.goType}`
  return `json: cannot unmarshal ${event.value} into Go struct field ${event.struct}.${event.path} of type ${event.goType}`
}

/** At most this many strict problems are shown. */
const STRICT_LIMIT = 100

/** The problems that fieldValidation reports: `unknown field "spec.foo"`, each also the text of a warning. */
export function strictProblems(decoded: Pick<Decoded, 'unknownFields' | 'duplicateFields' | 'strictOrder'>): readonly string[] {
  if (decoded.strictOrder !== undefined) return decoded.strictOrder.slice(0, STRICT_LIMIT)
  const duplicates = decoded.duplicateFields.map((path) => `duplicate field ${JSON.stringify(path)}`)
  const unknown = decoded.unknownFields.map((path) => `unknown field ${JSON.stringify(path)}`)
  return [...duplicates, ...unknown].slice(0, STRICT_LIMIT)
}

/** The error of fieldValidation=Strict. */
export function strictErrorText(problems: readonly string[]): string {
  return `strict decoding error: ${problems.join(', ')}`
}

/** The message of the 400 that a body of the right kind but with wrong contents gets. */
export function decodeFailureText(type: { readonly kind: string; readonly version: string }, problem: string): string {
  return `${type.kind} in version ${JSON.stringify(type.version)} cannot be handled as a ${type.kind}: ${problem}`
}
