import type { Field, Schema } from '../schema.ts'
import { StatusError } from '../status-error.ts'
import { isObject, type JsonObject } from './apply/path-element.ts'
import {
  badRequest,
  DELETE_FROM_LIST,
  goMap,
  isDirective,
  PATCH,
  RETAIN_KEYS,
  SET_ORDER,
  withoutDirectives,
} from './strategic-directives.ts'
import { deleteFromList, mergeList, orderList } from './strategic-list.ts'

/**
 * Strategic merge patch of a built-in kind: lists merge by the merge keys of the schema, directives in the patch replace, delete,
 * retain and order. The target is not changed; untouched parts are shared. Throws StatusError: BadRequest, Invalid or InternalError,
 * each where Kubernetes gives it. Source: Kubernetes documentation, "Update API Objects in Place Using kubectl patch".
 */
export function strategicMergePatch(schema: Schema, target: JsonObject, patch: unknown): JsonObject {
  if (!isObject(patch)) throw badRequest('Invalid JSON document')
  return mergeMap(schema, target, patch)
}

/** `null` keys of the patch that the target lacks are dropped. */
export function mergeMap(schema: Schema | undefined, target: JsonObject, patch: JsonObject): JsonObject {
  const directive = patch[PATCH]
  if (directive !== undefined) return applyDirective(directive, patch)
  const result: Record<string, unknown> = retainKeys(target, patch)
  for (const key of Object.keys(patch)) {
    if (key.startsWith(SET_ORDER)) setOrder({ schema, result, patch, target }, key)
  }
  for (const key of Object.keys(patch)) {
    if (key.startsWith(DELETE_FROM_LIST)) removeFromPrimitives(result, key, patch[key])
    else if (!isDirective(key) && !(`${SET_ORDER}${key}` in patch)) mergeKey(schema, result, key, patch[key])
  }
  return result
}

function mergeKey(schema: Schema | undefined, result: Record<string, unknown>, key: string, value: unknown): void {
  if (value === null) {
    delete result[key]
    return
  }
  const current = result[key]
  const field = fieldOf(schema, key)
  if (isObject(current) && isObject(value)) result[key] = isReplaced(field) ? value : mergeMap(field?.schema, current, value)
  else if (Array.isArray(current) && Array.isArray(value) && isMerged(field))
    result[key] = mergeList({ field, merge: mergeMap }, current, value)
  else if (Array.isArray(current) && Array.isArray(value)) result[key] = value
  else result[key] = withoutDirectives(value)
}

/** Fields of structs; the values of maps have no strategy of their own. */
function fieldOf(schema: Schema | undefined, key: string): Field | undefined {
  if (schema?.type === 'object') return schema.fields.get(key)
  if (schema?.type !== 'map') return undefined
  return { name: key, schema: schema.values, required: false, always: false, pointer: false }
}

function isMerged(field: Field | undefined): field is Field {
  return field?.patchStrategy?.includes('merge') === true
}

function isReplaced(field: Field | undefined): boolean {
  return field?.patchStrategy?.includes('replace') === true
}

function applyDirective(directive: unknown, patch: JsonObject): JsonObject {
  if (directive === 'delete') return {}
  if (directive !== 'replace') throw new StatusError('InternalError', `unknown patch type: ${String(directive)} in map: ${goMap(patch)}`)
  const rest: Record<string, unknown> = { ...patch }
  delete rest[PATCH]
  return rest
}

/** `$retainKeys` names all keys that may stay; what the patch sets must be among them. */
function retainKeys(target: JsonObject, patch: JsonObject): Record<string, unknown> {
  const keys = patch[RETAIN_KEYS]
  if (keys === undefined) return { ...target }
  if (!Array.isArray(keys)) throw badRequest('invalid patch format of retainKeys')
  const kept = new Set<unknown>(keys)
  for (const key of Object.keys(patch))
    if (!isDirective(key) && patch[key] !== null && !kept.has(key))
      throw new StatusError(
        'Invalid',
        'the server rejected our request due to an error in our request',
        {},
        {
          cause: new Error("patch content doesn't match retainKeys list"),
        },
      )
  return Object.fromEntries(Object.entries(target).filter(([key]) => kept.has(key)))
}

interface OrderStep {
  readonly schema: Schema | undefined
  readonly result: Record<string, unknown>
  readonly patch: JsonObject
  readonly target: JsonObject
}

/** Merges the list of the patch, if there is one, and puts the outcome in the order that the directive asks for. */
function setOrder({ schema, result, patch, target }: OrderStep, directive: string): void {
  const key = directive.slice(SET_ORDER.length)
  const order = patch[directive]
  const [current, changes] = [result[key], patch[key]]
  const field = fieldOf(schema, key)
  if (!Array.isArray(order) || !(changes === undefined || changes === null || Array.isArray(changes)) || field === undefined)
    throw badRequest('invalid patch format of setElementOrder list')
  if (changes === null) {
    delete result[key]
    return
  }
  const live = Array.isArray(current) ? (current as readonly unknown[]) : undefined
  if (live === undefined && changes === undefined) return
  const merged =
    isMerged(field) && changes !== undefined ? mergeList({ field, merge: mergeMap }, live ?? [], changes) : (changes ?? live ?? [])
  const removed = patch[`${DELETE_FROM_LIST}${key}`]
  const left = Array.isArray(removed) ? deleteFromList(merged, removed) : merged
  const before = target[key]
  result[key] = orderList(field, left, order, Array.isArray(before) ? before : [])
}

function removeFromPrimitives(result: Record<string, unknown>, directive: string, values: unknown): void {
  const key = directive.slice(DELETE_FROM_LIST.length)
  if (!Array.isArray(values)) throw badRequest('invalid patch format of primitive list')
  const current = result[key]
  if (Array.isArray(current)) result[key] = deleteFromList(current, values)
}
