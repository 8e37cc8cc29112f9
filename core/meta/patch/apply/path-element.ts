import type { ListSchema, Schema } from '../../schema.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const sortedKeys = new WeakMap<ListSchema, readonly string[]>()

function keysOf(list: ListSchema): readonly string[] {
  let keys = sortedKeys.get(list)
  if (keys === undefined) {
    keys = [...(list.listMapKeys ?? [])].sort()
    sortedKeys.set(list, keys)
  }
  return keys
}

/** The default of a key field, such as protocol TCP of ports, stands in when an item leaves the key out. */
function keyDefault(items: Schema, key: string): unknown {
  return items.type === 'object' ? items.fields.get(key)?.schema.default : undefined
}

/**
 * The path element that names `item` in its list: `k:{"name":"a"}` or `v:"x"`.
 * Undefined when the item cannot be named: no object, no key at all, or a value that is not scalar.
 */
export function elementOf(list: ListSchema, item: unknown): string | undefined {
  if (list.listType === 'set') return typeof item === 'object' || item === undefined ? undefined : `v:${JSON.stringify(item)}`
  if (!isObject(item)) return undefined
  let text = ''
  for (const key of keysOf(list)) {
    const value = item[key] ?? keyDefault(list.items, key)
    if (value !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${JSON.stringify(value)}`
  }
  return text === '' ? undefined : `k:{${text}}`
}

/** Whether two items carry the same name, without building it. */
export function sameElement(list: ListSchema, a: unknown, b: unknown): boolean {
  if (list.listType === 'set') return a === b
  if (!isObject(a) || !isObject(b)) return false
  for (const key of keysOf(list)) if (a[key] !== b[key]) return false
  return true
}

/** Lists whose items have an identity of their own, by key or by value. */
export function isAssociative(schema: Schema): schema is ListSchema {
  return schema.type === 'list' && (schema.listType === 'set' || schema.listType === 'map')
}

/** `.spec.containers[name="a"].image`, as conflicts and validation name a field. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('')
}

/** As errors and conflicts show it: `.name`, `[=value]`, `[key="x"]`. */
export function elementText(element: string): string {
  const body = element.slice(2)
  if (element.startsWith('f:')) return `.${body}`
  if (element.startsWith('v:')) return `[=${body}]`
  if (!element.startsWith('k:')) return `[${body}]`
  const keys = Object.entries(JSON.parse(body) as JsonObject)
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`
}
