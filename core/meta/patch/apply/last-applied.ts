import type { Schema } from '../../schema.ts'
import { compareObjects } from './compare.ts'
import { difference, EMPTY_SET, type FieldSet } from './field-set.ts'
import { isObject, type JsonObject } from './path-element.ts'
import { toFieldSet } from './to-field-set.ts'

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
/** Only this manager moves from client-side to server-side apply without conflicts. */
export const KUBECTL = 'kubectl'

function annotationsOf(object: JsonObject): JsonObject {
  const metadata = object['metadata']
  const annotations = isObject(metadata) ? metadata['annotations'] : undefined
  return isObject(annotations) ? annotations : {}
}

/** What client-side apply owned and nobody changed since: kubectl may take it over without force. */
export function lastAppliedFields(schema: Schema, live: JsonObject, apiVersion: string): FieldSet {
  const text = annotationsOf(live)[LAST_APPLIED]
  const applied = typeof text === 'string' && text !== '' ? parseObject(text) : undefined
  if (applied === undefined || applied['apiVersion'] !== apiVersion) return EMPTY_SET
  const change = compareObjects(schema, applied, live)
  const owned = toFieldSet(schema, applied)
  return difference(difference(owned, change?.changed ?? EMPTY_SET), change?.removed ?? EMPTY_SET)
}

/** Keeps the annotation of client-side apply true while kubectl applies on the server. */
export function withLastApplied(object: JsonObject, config: JsonObject): JsonObject {
  const annotations = annotationsOf(object)
  const current = annotations[LAST_APPLIED]
  if (typeof current !== 'string' || current === '') return object
  const metadata: Record<string, unknown> = { ...(config['metadata'] as JsonObject | undefined) }
  if (isObject(metadata['annotations'])) {
    const annotations: Record<string, unknown> = { ...metadata['annotations'] }
    delete annotations[LAST_APPLIED]
    metadata['annotations'] = annotations
  }
  const text = `${JSON.stringify({ ...config, metadata })}\n`
  if (text === current) return object
  return { ...object, metadata: { ...(object['metadata'] as JsonObject), annotations: { ...annotations, [LAST_APPLIED]: text } } }
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    // The annotation is the user's; a broken one means that nothing is known about what was applied.
    return undefined
  }
}
