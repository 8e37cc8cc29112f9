import { schemaOf } from '../../api/schemas.ts'
import type { ObjectSchema, ScalarType, Schema } from '../../meta/schema.ts'

/** Schema of a kind by its name in the generated table, such as `core_v1.Pod`. */
export const schemaOfKind: (name: string) => ObjectSchema = schemaOf

/** The `status` that Go writes for an empty one; undefined when it leaves the field out. A new object at each call. */
export function emptyStatus(kind: string): unknown {
  const field = schemaOf(kind).fields.get('status')
  return field?.always === true ? emptyOf(field.schema) : undefined
}

const EMPTY_SCALARS: Readonly<Record<ScalarType, unknown>> = {
  string: '',
  boolean: false,
  int32: 0,
  int64: 0,
  uint32: 0,
  double: 0,
  bytes: '',
  quantity: '0',
  time: null,
  'micro-time': null,
  duration: '0s',
  'int-or-string': 0,
  any: null,
}

function emptyOf(schema: Schema): unknown {
  if (schema.type === 'object') return emptyObject(schema)
  if (schema.type === 'map') return {}
  return schema.type === 'list' ? [] : EMPTY_SCALARS[schema.type]
}

function emptyObject(schema: ObjectSchema): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const field of schema.fields.values()) if (field.always) object[field.name] = emptyOf(field.schema)
  return object
}
