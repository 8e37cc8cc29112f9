import { StatusError } from '../status-error.ts'
import { isObject, type JsonObject } from './apply/path-element.ts'

/**
 * JSON merge patch: objects merge, null removes, everything else replaces. The target is not changed; untouched parts are shared.
 * Throws StatusError BadRequest when the patch of an API object is no object. Source: RFC 7396.
 */
export function mergePatch(target: JsonObject, patch: unknown): JsonObject {
  if (!isObject(patch)) throw new StatusError('BadRequest', 'Invalid JSON Patch')
  return mergeObject(target, patch)
}

function mergeObject(target: JsonObject, patch: JsonObject): JsonObject {
  let result: Record<string, unknown> | undefined
  for (const key of Object.keys(patch)) {
    const value = patch[key]
    const current = Object.hasOwn(target, key) ? target[key] : undefined
    if (value === undefined || (value === null && current === undefined)) continue
    const next = isObject(value) ? mergeObject(isObject(current) ? current : {}, value) : value
    if (next === current) continue
    result ??= { ...target }
    if (next === null) delete result[key]
    else define(result, key, next)
  }
  return result ?? target
}

/** Plain assignment would set the prototype for one particular key of user input. */
function define(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  else object[key] = value
}
