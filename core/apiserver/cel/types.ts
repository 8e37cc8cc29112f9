import { Duration, ListValue, MapValue, type Opaque, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts'

export type Kind =
  | 'dyn'
  | 'null'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'list'
  | 'map'
  | 'optional'
  | 'type'
  | 'object'
  | 'opaque'
  | 'param'

/** A type of the checker; `V` is what its values are here. */
export interface Type<V extends Value = Value> {
  readonly kind: Kind
  /** As users see it, without parameters. */
  readonly name: string
  readonly params: readonly Type[]
  /** Of objects, by the name that expressions use. */
  readonly fields?: ReadonlyMap<string, Type>
  /** Never set: ties the type to its values for the compiler of this code. */
  readonly example?: V
}

const simple = <V extends Value>(kind: Kind, name: string = kind): Type<V> => ({ kind, name, params: [] })

export const DYN: Type = simple('dyn')
export const NULL = simple<null>('null', 'null_type')
export const BOOL = simple<boolean>('bool')
export const INT = simple<bigint>('int')
export const UINT = simple<Uint>('uint')
export const DOUBLE = simple<number>('double')
export const STRING = simple<string>('string')
export const BYTES = simple<Uint8Array>('bytes')
export const TIMESTAMP = simple<Timestamp>('timestamp', 'google.protobuf.Timestamp')
export const DURATION = simple<Duration>('duration', 'google.protobuf.Duration')
export const TYPE = simple<TypeValue>('type')

export const list = (item: Type): Type<ListValue> => ({ kind: 'list', name: 'list', params: [item] })
export const map = (key: Type, value: Type): Type<MapValue> => ({ kind: 'map', name: 'map', params: [key, value] })
export const optional = (value: Type): Type<Optional> => ({ kind: 'optional', name: 'optional_type', params: [value] })
export const opaque = <V extends Opaque>(name: string): Type<V> => simple('opaque', name)
/** A placeholder in signatures: all places of one name take one type. */
export const param = (name: string): Type => simple('param', name)
export const object = (name: string, fields: ReadonlyMap<string, Type>): Type<MapValue> => ({ kind: 'object', name, params: [], fields })

export const A = param('A')

export function showType({ kind, name, params }: Type): string {
  if (kind === 'timestamp' || kind === 'duration') return kind
  return params.length === 0 ? name : `${name}(${params.map(showType).join(', ')})`
}

/** What may be compared with null. */
const NULLABLE: ReadonlySet<Kind> = new Set<Kind>(['null', 'object', 'opaque', 'optional', 'timestamp', 'duration'])

export type Bindings = Map<string, Type>

/** Whether a value of type `source` may stand where `target` is wanted. Binds the parameters of `target`. */
export function assignable(target: Type, source: Type, bindings: Bindings): boolean {
  if (target.kind === 'param') return bind(target, source, bindings)
  if (target.kind === 'dyn' || source.kind === 'dyn' || source.kind === 'param') return true
  if (source.kind === 'null') return NULLABLE.has(target.kind)
  if (target.kind === 'null') return NULLABLE.has(source.kind)
  if (target.kind !== source.kind) return false
  if (target.kind === 'object' || target.kind === 'opaque') return target.name === source.name
  return target.params.every((inner, index) => assignable(inner, source.params[index] ?? DYN, bindings))
}

function bind({ name }: Type, source: Type, bindings: Bindings): boolean {
  const bound = bindings.get(name)
  if (bound === undefined || bound.kind === 'null') {
    if (bound !== undefined && !assignable(bound, source, bindings)) return false
    bindings.set(name, source)
    return true
  }
  if (!assignable(bound, source, bindings) && !assignable(source, bound, bindings)) return false
  if (bound.kind === 'dyn' || source.kind === 'dyn') bindings.set(name, DYN)
  return true
}

/** The type with its parameters replaced by what they were bound to. */
export function substitute(type: Type, bindings: Bindings): Type {
  if (type.kind === 'param') return bindings.get(type.name) ?? DYN
  if (type.params.length === 0) return type
  return { ...type, params: type.params.map((inner) => substitute(inner, bindings)) }
}

/** The type of two values that may stand in for each other; undefined when they may not. */
export function joined(a: Type, b: Type): Type | undefined {
  if (assignable(a, b, new Map())) return b.kind === 'dyn' || isVaguer(b, a) ? b : a
  return assignable(b, a, new Map()) ? b : undefined
}

function isVaguer(a: Type, b: Type): boolean {
  return b.kind === 'null' || a.params.some((inner, index) => inner.kind === 'dyn' && b.params[index]?.kind !== 'dyn')
}

/** Whether a value has the outermost form of a type. */
export function accepts({ kind, name }: Type, value: Value): boolean {
  return kind === 'dyn' || kind === 'param' || typeNameOf(value) === (kind === 'object' ? 'map' : name)
}

/** The name of a value's type, as `type()` gives it. */
export function typeNameOf(value: Value): string {
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'double'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  return value === null ? 'null_type' : objectTypeName(value)
}

function objectTypeName(value: Exclude<Value, null | string | number | bigint | boolean>): string {
  if (value instanceof ListValue) return 'list'
  if (value instanceof MapValue) return 'map'
  if (value instanceof Uint) return 'uint'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Timestamp) return TIMESTAMP.name
  if (value instanceof Duration) return DURATION.name
  if (value instanceof Optional) return 'optional_type'
  return value instanceof TypeValue ? 'type' : value.type
}
