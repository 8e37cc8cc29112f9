import type { AnyForm, Field, ListSchema, MapSchema, ObjectSchema, ScalarSchema, ScalarType, Schema } from '../meta/schema.ts'
import { ENUMS, MESSAGES, STEMS } from './schema-data.ts'

/**
 * A message in the generated table: JSON form (`''` for a plain object), flags, then one row a field.
 * Message flags: t apiVersion and kind stand first, a atomic struct, j no protobuf form.
 */
export type MessageRow = readonly [form: string, flags: string, ...fields: FieldRow[]]

/**
 * Name, type (`[` list, `{` map, then a scalar or `<stem>.<Message>`), protobuf number, flags, extras.
 * Field flags: i inline, n protobuf only, r required, a always written, p pointer, d deprecated, m atomic, g granular.
 */
export type FieldRow = readonly [name: string, type: string, num: number, flags: string, extra?: FieldExtra]

export interface FieldExtra {
  readonly lt?: 'atomic' | 'set' | 'map'
  readonly lk?: readonly string[]
  readonly ps?: readonly ('merge' | 'replace' | 'retainKeys')[]
  readonly pk?: string
  readonly en?: string
  readonly nm?: string
  readonly df?: unknown
  readonly fg?: string
  readonly kt?: string
  readonly pn?: string
}

const objects = new Map<string, MessageSchema>()

/**
 * Schema of one message, named `<stem>.<Message>` such as `core_v1.Pod`. Cheap: fields are decoded when first read.
 * The same name gives the same object. Throws for a name that is not in the table.
 */
export function schemaOf(typeName: string): ObjectSchema {
  return variantOf(typeName, undefined)
}

/** Schema of a built-in kind, or undefined when there is none. */
export function schemaFor(type: { readonly group: string; readonly version: string; readonly kind: string }): ObjectSchema | undefined {
  const stem = STEMS[`${type.group}/${type.version}`]
  const name = `${stem ?? ''}.${type.kind}`
  return stem === undefined || MESSAGES[name] === undefined ? undefined : schemaOf(name)
}

/** `core_v1` for the core group's v1; undefined when no file describes the group version. */
export function stemOf(type: { readonly group: string; readonly version: string }): string | undefined {
  return STEMS[`${type.group}/${type.version}`]
}

/** Row of a message, for codecs that need the protobuf nesting that schemas flatten. */
export function messageRow(typeName: string): MessageRow {
  const text = MESSAGES[typeName]
  if (text === undefined) throw new Error(`no schema named ${typeName}`)
  return JSON.parse(text) as MessageRow
}

/** Names of all messages in the table. */
export function messageNames(): readonly string[] {
  return Object.keys(MESSAGES)
}

function variantOf(typeName: string, atomic: boolean | undefined): MessageSchema {
  const key = atomic === undefined ? typeName : `${typeName}#${String(atomic)}`
  const known = objects.get(key)
  if (known !== undefined) return known
  if (MESSAGES[typeName] === undefined) throw new Error(`no schema named ${typeName}`)
  const schema = new MessageSchema(typeName, atomic)
  objects.set(key, schema)
  return schema
}

/** Fields and granularity come from the table on first access, so cyclic types need no care. */
class MessageSchema implements ObjectSchema {
  readonly type = 'object'
  readonly name: string
  readonly #granularity: boolean | undefined
  #fields: ReadonlyMap<string, Field> | undefined
  #atomic: boolean | undefined

  constructor(name: string, atomic: boolean | undefined) {
    this.name = name
    this.#granularity = atomic
  }

  get fields(): ReadonlyMap<string, Field> {
    this.#fields ??= new Map(fieldsOf(messageRow(this.name), undefined).map((field) => [field.name, field]))
    return this.#fields
  }

  get atomic(): boolean {
    this.#atomic ??= this.#granularity ?? messageRow(this.name)[1].includes('a')
    return this.#atomic
  }
}

const TYPE_META: readonly Field[] = ['kind', 'apiVersion'].map((name) => ({
  name,
  schema: { type: 'string' },
  required: false,
  always: false,
  pointer: false,
}))

function fieldsOf(row: MessageRow, path: readonly number[] | undefined): Field[] {
  const [, flags, ...fields] = row
  const jsonOnly = flags.includes('j')
  const out = flags.includes('t') ? [...TYPE_META] : []
  for (const field of fields) {
    if (field[3].includes('n')) continue
    if (field[3].includes('i')) out.push(...fieldsOf(messageRow(field[1]), [...(path ?? []), field[2]]))
    else out.push(fieldOf(field, path, jsonOnly))
  }
  return out
}

function fieldOf(row: FieldRow, path: readonly number[] | undefined, jsonOnly: boolean): Field {
  const [name, , num, flags, extra = {}] = row
  return {
    name,
    schema: schemaOfField(row),
    required: flags.includes('r'),
    always: flags.includes('a'),
    pointer: flags.includes('p'),
    ...(!jsonOnly && { proto: { num, ...(path && { path }), ...(extra.kt !== undefined && { keyType: extra.kt }) } }),
    ...(extra.ps && { patchStrategy: extra.ps }),
    ...(extra.pk !== undefined && { patchMergeKey: extra.pk }),
    ...(flags.includes('d') && { deprecated: true }),
    ...((extra.nm ?? extra.en) !== undefined && { goName: extra.nm ?? extra.en }),
    ...(extra.fg !== undefined && { featureGate: extra.fg }),
  }
}

function schemaOfField([, type, , flags, extra = {}]: FieldRow): Schema {
  const atomic = flags.includes('m') ? true : flags.includes('g') ? false : undefined
  if (type.startsWith('[')) {
    const list: ListSchema = {
      type: 'list',
      items: valueSchema(type.slice(1), undefined, extra),
      ...(extra.lt !== undefined && { listType: extra.lt }),
      ...(extra.lk && { listMapKeys: extra.lk }),
    }
    return list
  }
  if (type.startsWith('{')) {
    const map: MapSchema = { type: 'map', values: valueSchema(type.slice(1), undefined, {}), ...(atomic === true && { atomic }) }
    return map
  }
  return valueSchema(type, atomic, extra)
}

const SCALARS: Readonly<Record<string, ScalarType>> = {
  string: 'string',
  bool: 'boolean',
  int32: 'int32',
  int64: 'int64',
  uint32: 'uint32',
  double: 'double',
  bytes: 'bytes',
  any: 'any',
}
const JSON_SCALARS: ReadonlySet<string> = new Set(['quantity', 'time', 'micro-time', 'duration', 'int-or-string'])
/** The union forms hold this object; it is the only one upstream has. */
const SCHEMA_OBJECT = 'apiextensions.k8s.io_v1.JSONSchemaProps'
const plain = new Map<string, ScalarSchema | ListSchema>()

function valueSchema(type: string, atomic: boolean | undefined, extra: FieldExtra): Schema {
  if (type.includes('.') && formOf(type) === '') return variantOf(type, atomic)
  if (extra.en === undefined && extra.df === undefined) {
    let schema = plain.get(type)
    if (schema === undefined) plain.set(type, (schema = simpleSchema(type)))
    return schema
  }
  return {
    ...simpleSchema(type),
    ...(extra.en !== undefined && { enum: JSON.parse(ENUMS[extra.en] ?? '[]') as readonly string[] }),
    ...(extra.df !== undefined && { default: extra.df }),
  }
}

const forms = new Map<string, string>()

function formOf(type: string): string {
  let form = forms.get(type)
  if (form === undefined) forms.set(type, (form = messageRow(type)[0]))
  return form
}

function simpleSchema(type: string): ScalarSchema | ListSchema {
  const scalar = SCALARS[type]
  if (scalar !== undefined) return { type: scalar }
  const form = formOf(type)
  if (form === 'list') return { type: 'list', items: { type: 'string' }, listType: 'atomic', wrapped: true }
  if (JSON_SCALARS.has(form)) return { type: form as ScalarType }
  return { type: 'any', form: form as AnyForm, ...(form.startsWith('schema-or-') && { object: schemaOf(SCHEMA_OBJECT) }) }
}
