import { StatusError } from '../status-error.ts'
import { isObject, type JsonObject } from './apply/path-element.ts'

export const PATCH = '$patch'
export const RETAIN_KEYS = '$retainKeys'
export const DELETE_FROM_LIST = '$deleteFromPrimitiveList/'
export const SET_ORDER = '$setElementOrder/'

export function isDirective(key: string): boolean {
  return key === PATCH || key === RETAIN_KEYS || key.startsWith(DELETE_FROM_LIST) || key.startsWith(SET_ORDER)
}

export const badRequest = (text: string): StatusError => new StatusError('BadRequest', text)

/** A value that is taken over whole: directives and nulls in it mean nothing and must not be stored. */
export function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !(isObject(item) && PATCH in item)).map(withoutDirectives)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, item]) => !isDirective(key) && item !== null)
      .map(([key, item]) => [key, withoutDirectives(item)]),
  )
}

/** Go's %v of a map, which stands in the error texts: `map[a:1 b:x]`. */
export function goMap(map: JsonObject): string {
  return `map[${Object.keys(map)
    .sort()
    .map((key) => `${key}:${goValue(map[key])}`)
    .join(' ')}]`
}

function goValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`
  if (isObject(value)) return goMap(value)
  return value === null || value === undefined ? '<nil>' : typeof value === 'string' ? value : JSON.stringify(value)
}
