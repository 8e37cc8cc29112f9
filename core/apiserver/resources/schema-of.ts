import { schemaOf } from '../../api/schemas.ts'
import type { ObjectSchema, Schema } from '../../meta/schema.ts'

/** Schema of a kind by its name in the generated table, such as `core_v1.Pod`. */
export const schemaOfKind: (name: string) => ObjectSchema = schemaOf

/** The `status` that Go writes for an empty one; undefined when it leaves the field out. A new object at each call. */
export function emptyStatus(kind: string): unknown {
  const field = schemaOf(kind).fields.get('status')
  return field?.always === true ? emptyOf(field.schema) : undefined
}

function emptyOf(schema: Schema): unknown {
  switch (schema.type) {
    case 'object':
      return emptyObject(schema)
    case 'map':
      return {}
    case 'list':
      return []
    case 'boolean':
      return false
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'double':
    case 'int-or-string':
      return 0
    case 'any':
    case 'time':
    case 'micro-time':
      return null
    case 'quantity':
      return '0'
    default:
      return ''
  }
}

function emptyObject(schema: ObjectSchema): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const field of schema.fields.values()) if (field.always) object[field.name] = emptyOf(field.schema)
  return object
}
