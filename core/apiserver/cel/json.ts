import { DYN, object, type Type } from './types.ts'
import { type Identity, ListValue, MapValue, type Value } from './values.ts'

/** How JSON of one place becomes values, with the type that the checker sees. Nothing is copied ahead of use. */
export interface Shape {
  readonly type: Type
  readonly read: (json: unknown) => Value
}

/** What lies beyond no int can hold. */
const INT_LIMIT = 2 ** 63

/** JSON without a schema: whole numbers are ints. */
export const DYN_SHAPE: Shape = { type: DYN, read: fromJson }

/** A value without a schema: whole numbers become integers. */
export function fromJson(json: unknown): Value {
  switch (typeof json) {
    case 'number':
      return Number.isInteger(json) && Math.abs(json) < INT_LIMIT ? BigInt(json) : json
    case 'object':
      if (json === null) return null
      return Array.isArray(json) ? new JsonList(json, DYN_SHAPE) : new JsonMap(json as Json, DYN_SHAPE)
    case 'string':
    case 'boolean':
      return json
    case 'bigint':
    case 'function':
    case 'symbol':
    case 'undefined':
      return null
  }
}

type Json = Readonly<Record<string, unknown>>

export class JsonList extends ListValue {
  readonly #items: readonly unknown[]
  readonly #shape: Shape
  override readonly identity: Identity | undefined

  constructor(items: readonly unknown[], shape: Shape, identity?: Identity) {
    super()
    this.#items = items
    this.#shape = shape
    this.identity = identity
  }

  get length(): number {
    return this.#items.length
  }

  at(index: number): Value {
    return this.#shape.read(this.#items[index])
  }
}

export class JsonMap extends MapValue {
  readonly #json: Json
  readonly #shape: Shape

  constructor(json: Json, shape: Shape) {
    super()
    this.#json = json
    this.#shape = shape
  }

  get size(): number {
    return Object.keys(this.#json).length
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#json, key)) return undefined
    const value = this.#json[key]
    return value === undefined ? undefined : this.#shape.read(value)
  }

  keys(): Iterable<Value> {
    return Object.keys(this.#json)
  }
}

/** The shape of objects with these fields. */
export function objectShape(name: string, fields: ReadonlyMap<string, JsonField>): Shape {
  const type = object(name, new Map(Array.from(fields, ([field, { shape }]) => [field, shape.type])))
  return {
    type,
    read: (json) => (typeof json === 'object' && json !== null ? new JsonObject(json as Json, fields) : fromJson(json)),
  }
}

/** A field of an object by the name that expressions use. */
export interface JsonField {
  readonly jsonName: string
  readonly shape: Shape
}

class JsonObject extends MapValue {
  override readonly isObject = true
  readonly #json: Json
  readonly #fields: ReadonlyMap<string, JsonField>

  constructor(json: Json, fields: ReadonlyMap<string, JsonField>) {
    super()
    this.#json = json
    this.#fields = fields
  }

  get size(): number {
    return Array.from(this.keys()).length
  }

  get(key: Value): Value | undefined {
    const field = typeof key === 'string' ? this.#fields.get(key) : undefined
    const value = field === undefined ? undefined : this.#json[field.jsonName]
    return value === undefined ? undefined : field?.shape.read(value)
  }

  *keys(): Iterable<Value> {
    for (const [name, { jsonName }] of this.#fields) if (this.#json[jsonName] !== undefined) yield name
  }
}
