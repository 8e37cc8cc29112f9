import type { Meter } from './meter.ts'

/** What expressions compute with. `bigint` is CEL's int, `number` its double. */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | ListValue
  | MapValue
  | Optional
  | TypeValue
  | Opaque

export class Uint {
  readonly value: bigint
  constructor(value: bigint) {
    this.value = value
  }
}

/** Nanoseconds since 1970. */
export class Timestamp {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    this.nanos = nanos
  }
}

export class Duration {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    this.nanos = nanos
  }
}

/** A type as a value: what `type(x)` gives and what names such as `int` mean. */
export class TypeValue {
  readonly type: string
  constructor(type: string) {
    this.type = type
  }
}

export class Optional {
  static readonly none = new Optional(undefined)
  readonly value: Value | undefined
  private constructor(value: Value | undefined) {
    this.value = value
  }
  static of(value: Value | undefined): Optional {
    return value === undefined ? Optional.none : new Optional(value)
  }
}

/** A value of a library: a quantity, an address, the authorizer. `same` decides equality; without it only identity does. */
export abstract class Opaque {
  /** Fields of the few that have some. */
  readonly fields: ReadonlyMap<string, Value> | undefined = undefined
  /** Characters it holds: functions that look at it take time by this. */
  readonly size: number = 0
  abstract get type(): string
  same(other: Opaque): boolean {
    return this === other
  }
}

/** One text for items that are the same. Throws CostError. */
export type Identity = (item: Value, meter: Meter) => string

export abstract class ListValue {
  abstract get length(): number
  /** What makes an item itself in lists that are sets or maps by key; order means nothing there. */
  readonly identity: Identity | undefined = undefined;
  // The body before the abstract method: a star after a bodiless line would read as a product once types are stripped.
  *[Symbol.iterator](): IterableIterator<Value> {
    for (let index = 0; index < this.length; index++) yield this.at(index)
  }
  abstract at(index: number): Value
}

export class NativeList extends ListValue {
  readonly #items: readonly Value[]
  override readonly identity: Identity | undefined
  constructor(items: readonly Value[], identity?: Identity) {
    super()
    this.#items = items
    this.identity = identity
  }
  get length(): number {
    return this.#items.length
  }
  at(index: number): Value {
    return this.#items[index] ?? null
  }
}

/** Maps and objects. Keys are strings, ints, uints and bools. */
export abstract class MapValue {
  abstract readonly size: number
  /** Objects have fields, named in their type; maps have keys. */
  readonly isObject: boolean = false
  abstract get(key: Value): Value | undefined
  abstract keys(): Iterable<Value>
}

export class NativeMap extends MapValue {
  readonly #entries: ReadonlyMap<string, readonly [Value, Value]>
  constructor(entries: Iterable<readonly [Value, Value]>) {
    super()
    this.#entries = new Map(Array.from(entries, (entry) => [mapKey(entry[0]), entry]))
  }
  get size(): number {
    return this.#entries.size
  }
  get(key: Value): Value | undefined {
    return this.#entries.get(mapKey(key))?.[1]
  }
  *keys(): Iterable<Value> {
    for (const [key] of this.#entries.values()) yield key
  }
}

/** One text for keys that are equal: 1, 1u and 1.0 are. */
export function mapKey(key: Value): string {
  if (typeof key === 'string') return `s${key}`
  if (typeof key === 'bigint') return `n${key}`
  if (key instanceof Uint) return `n${key.value}`
  return typeof key === 'object' ? 'o' : `${typeof key}${key}`
}
