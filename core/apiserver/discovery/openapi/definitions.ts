import type { Describe } from '../../../api/descriptions.ts'
import { schemaOf } from '../../../api/schemas.ts'
import type { Field, ObjectSchema, ScalarSchema, ScalarType, Schema } from '../../../meta/schema.ts'
import type { GroupVersionKind } from '../catalog.ts'
import { definitionName, kindOfType, TYPE_OF_FORM, TYPE_OF_SCALAR } from './names.ts'

export type Json = Readonly<Record<string, unknown>>

/** OpenAPI 3.0 (per group version) or Swagger 2.0 (one document for all). */
export type Dialect = 'v3' | 'v2'

/** How values with their own JSON form are described. */
const VALUE_FORMS: Readonly<Record<string, Readonly<Record<Dialect, Json>>>> = {
  'resource.Quantity': { v3: { oneOf: [{ type: 'string' }, { type: 'number' }] }, v2: { type: 'string' } },
  'intstr.IntOrString': {
    v3: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
    v2: { type: 'string', format: 'int-or-string' },
  },
  'meta_v1.Time': same({ type: 'string', format: 'date-time' }),
  'meta_v1.MicroTime': same({ type: 'string', format: 'date-time' }),
  'meta_v1.Duration': same({ type: 'string' }),
  'runtime.RawExtension': same({ type: 'object' }),
  'meta_v1.FieldsV1': same({ type: 'object' }),
}

function same(form: Json): Readonly<Record<Dialect, Json>> {
  return { v3: form, v2: form }
}

const SCALAR_FORMS: Readonly<Partial<Record<ScalarType, Json>>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  uint32: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
}

/** Collects the definitions that a document refers to, each built once. */
export class Definitions {
  readonly #dialect: Dialect
  readonly #describe: Describe
  /** Group versions that options and watch events are listed under. */
  readonly #everywhere: readonly GroupVersionKind[]
  readonly #built = new Map<string, Json>()

  constructor(dialect: Dialect, describe: Describe, everywhere: readonly Omit<GroupVersionKind, 'kind'>[]) {
    this.#dialect = dialect
    this.#describe = describe
    this.#everywhere = everywhere.map(({ group, version }) => ({ group, version, kind: '' }))
  }

  /** Reference to a message of the table, which is added with all it needs. */
  reference(typeName: string): Json {
    const name = definitionName(typeName)
    if (!this.#built.has(name)) {
      this.#built.set(name, {})
      this.#built.set(name, this.#definition(typeName))
    }
    return this.referenceTo(name)
  }

  referenceTo(name: string): Json {
    return { $ref: `${this.#dialect === 'v3' ? '#/components/schemas/' : '#/definitions/'}${name}` }
  }

  /** Adds a definition made elsewhere and refers to it. */
  add(name: string, definition: Json): Json {
    this.#built.set(name, definition)
    return this.referenceTo(name)
  }

  /** By name in alphabetical order. */
  all(): Json {
    return Object.fromEntries([...this.#built].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** A reference with text around it: version 3 allows no siblings. */
  property(reference: Json, text: string, more: Json = {}): Json {
    const described = text === '' ? more : { description: text, ...more }
    if (this.#dialect === 'v2') return { ...described, ...reference }
    return Object.keys(described).length === 0 ? reference : { ...described, allOf: [reference] }
  }

  #definition(typeName: string): Json {
    const { text, fields } = this.#describe(typeName)
    const described = text === '' ? {} : { description: text }
    const form = VALUE_FORMS[typeName]
    if (form !== undefined) return { ...described, ...form[this.#dialect] }
    if (Object.values(TYPE_OF_FORM).includes(typeName)) return described
    const schema = schemaOf(typeName)
    const properties = [...schema.fields.values()].map((field) => [field.name, this.#field(field, fields[field.name] ?? '')])
    const required = [...schema.fields.values()].filter((field) => field.required).map((field) => field.name)
    return {
      ...described,
      type: 'object',
      ...(required.length > 0 && { required }),
      ...(properties.length > 0 && { properties: Object.fromEntries(properties) as Json }),
      ...(schema.atomic === true && { 'x-kubernetes-map-type': 'atomic' }),
      ...this.#kinds(typeName, schema),
    }
  }

  #kinds(typeName: string, schema: ObjectSchema): Json {
    if (schema.fields.get('apiVersion') === undefined || schema.fields.get('apiVersion')?.proto !== undefined) return {}
    const own = kindOfType(typeName)
    const isEverywhere = own.kind === 'DeleteOptions' || own.kind === 'WatchEvent'
    const kinds = isEverywhere && this.#everywhere.length > 0 ? this.#everywhere.map((gv) => ({ ...gv, kind: own.kind })) : [own]
    return { 'x-kubernetes-group-version-kind': kinds }
  }

  #field(field: Field, text: string): Json {
    const { schema } = field
    const patch = {
      ...(field.patchMergeKey !== undefined && { 'x-kubernetes-patch-merge-key': field.patchMergeKey }),
      ...(field.patchStrategy !== undefined && { 'x-kubernetes-patch-strategy': field.patchStrategy.join(',') }),
    }
    if (schema.type === 'object')
      return this.property(this.#objectReference(schema), text, { ...(!field.pointer && { default: {} }), ...patch })
    const value = this.#value(schema)
    if ('$ref' in value) return this.property(value, text, patch)
    return { ...(text !== '' && { description: text }), ...value, ...patch }
  }

  #objectReference(schema: ObjectSchema): Json {
    return schema.name === undefined ? { type: 'object' } : this.reference(schema.name)
  }

  #value(schema: Schema): Json {
    if (schema.type === 'object') return this.#objectReference(schema)
    if (schema.type === 'map') {
      return {
        type: 'object',
        additionalProperties: this.#item(schema.values),
        ...(schema.atomic === true && { 'x-kubernetes-map-type': 'atomic' }),
      }
    }
    if (schema.type === 'list') {
      return {
        type: 'array',
        items: this.#item(schema.items),
        ...(schema.listMapKeys && { 'x-kubernetes-list-map-keys': schema.listMapKeys }),
        ...(schema.listType && { 'x-kubernetes-list-type': schema.listType }),
      }
    }
    return this.#scalar(schema)
  }

  #item(schema: Schema): Json {
    return schema.type === 'object'
      ? this.property(this.#objectReference(schema), '', this.#dialect === 'v3' ? { default: {} } : {})
      : this.#value(schema)
  }

  #scalar(schema: ScalarSchema): Json {
    const message = schema.type === 'any' ? schema.form && TYPE_OF_FORM[schema.form] : TYPE_OF_SCALAR[schema.type]
    if (message !== undefined) return this.reference(message)
    return {
      ...SCALAR_FORMS[schema.type],
      ...(schema.enum && { enum: schema.enum.toSorted() }),
      ...(schema.default !== undefined && { default: schema.default }),
    }
  }
}
