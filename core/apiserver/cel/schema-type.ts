import type { ObjectSchema, Schema } from '../../meta/schema.ts'
import { BOOL, DOUBLE, DYN, INT, list, map, STRING, type Type } from './types.ts'

const known = new WeakMap<Schema, Type>()

/**
 * The type of a kind for checking expressions about it ahead of time. What has several forms in JSON (times, quantities, int-or-string) stays open.
 * Fields are made when they are first looked at, since schemas may contain themselves.
 */
export function typeOfSchema(schema: Schema): Type {
  let type = known.get(schema)
  if (type === undefined) known.set(schema, (type = make(schema)))
  return type
}

function make(schema: Schema): Type {
  switch (schema.type) {
    case 'object':
      return schema.preserveUnknown === true || schema.embeddedResource === true ? DYN : objectType(schema)
    case 'map':
      return map(STRING, typeOfSchema(schema.values))
    case 'list':
      return list(typeOfSchema(schema.items))
    case 'string':
      return STRING
    case 'boolean':
      return BOOL
    case 'int32':
    case 'int64':
    case 'uint32':
      return INT
    case 'double':
      return DOUBLE
    case 'bytes':
    case 'quantity':
    case 'time':
    case 'micro-time':
    case 'duration':
    case 'int-or-string':
    case 'any':
      return DYN
  }
}

function objectType(schema: ObjectSchema): Type {
  let fields: ReadonlyMap<string, Type> | undefined
  return {
    kind: 'object',
    name: schema.name ?? 'object',
    params: [],
    get fields() {
      return (fields ??= new Map(Array.from(schema.fields, ([name, field]) => [name, typeOfSchema(field.schema)])))
    },
  }
}
