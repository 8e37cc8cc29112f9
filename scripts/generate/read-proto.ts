import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import type { ApiModel, EnumModel, FieldModel, JsonForm, KindModel, MessageModel, PackageModel, SubresourceModel } from './model.ts'
import { SCALARS } from './model.ts'

type Options = readonly (readonly [string, unknown])[]

/** The aggregate `(k3ts.kind)`; one value of a repeated member stands alone. */
interface KindOption {
  readonly token?: string
  readonly plural: string
  readonly singular?: string
  readonly namespaced?: boolean
  readonly served: boolean
  readonly storage?: KindModel['storage']
  readonly list_kind?: string
  readonly short_names?: string | readonly string[]
  readonly categories?: string | readonly string[]
  readonly verbs?: string | readonly string[]
  readonly subresources?: SubresourceModel | readonly SubresourceModel[]
  readonly served_by?: string
}

/** Reads every `.proto` below `dir` (the folder that holds `k8s/`). Throws with the file and name of what it cannot place. */
export function readApi(dir: string): ApiModel {
  const parsed = readdirSync(join(dir, 'k8s'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.proto') && file !== 'options.proto')
    .sort()
    .map((file) => parseFile(join(dir, 'k8s', file)))
  const stems = new Map(parsed.map(({ packageName, stem }) => [packageName, stem]))
  const packages = parsed.map((file) => packageModel(file, stems)).sort((a, b) => (a.stem < b.stem ? -1 : 1))
  return { packages: new Map(packages.map((entry) => [entry.stem, entry])) }
}

interface ParsedFile {
  readonly path: string
  readonly packageName: string
  readonly stem: string
  readonly options: Options
  readonly types: readonly protobuf.Type[]
}

function parseFile(path: string): ParsedFile {
  const { root, package: packageName } = protobuf.parse(readFileSync(path, 'utf8'), { keepCase: true })
  if (packageName === undefined) throw new Error(`${path}: no package`)
  const namespace = root.lookup(packageName)
  if (!(namespace instanceof protobuf.Namespace)) throw new Error(`${path}: empty`)
  const options = optionsOf(namespace)
  const stem = (one(options, 'api') as { readonly stem?: string } | undefined)?.stem
  if (stem === undefined) throw new Error(`${path}: no (k3ts.api).stem`)
  return { path, packageName, stem, options, types: namespace.nestedArray.filter((entry) => entry instanceof protobuf.Type) }
}

/** Options in source order, without the `(k3ts.…)` around their names. */
function optionsOf(entry: protobuf.ReflectionObject): Options {
  const raw = entry.parsedOptions as readonly Readonly<Record<string, unknown>>[] | null | undefined
  return (raw ?? []).flatMap((option) => Object.entries(option)).map(([name, value]) => [/^\(k3ts\.(.+)\)$/.exec(name)?.[1] ?? name, value])
}

const one = (options: Options, name: string): unknown => options.find(([key]) => key === name)?.[1]
const all = (options: Options, name: string): readonly unknown[] => options.filter(([key]) => key === name).map(([, value]) => value)
const text = (options: Options, name: string): string | undefined => {
  const value = one(options, name)
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}
const flag = (options: Options, name: string): boolean => one(options, name) === true

function asArray<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return []
  return Array.isArray(value) ? (value as readonly T[]) : [value as T]
}

function packageModel(file: ParsedFile, stems: ReadonlyMap<string, string>): PackageModel {
  const api = one(file.options, 'api') as {
    readonly group?: string
    readonly version?: string
    readonly enabled_by_default?: boolean
    readonly group_priority_minimum?: number
    readonly version_priority?: number
  }
  const enums = (all(file.options, 'enumeration') as readonly (EnumModel & { readonly name: string })[]).map(
    (entry): [string, EnumModel] => [
      entry.name,
      {
        base: (entry.base as string | undefined) ?? 'string',
        closed: (entry.closed as boolean | undefined) ?? false,
        values: asArray(entry.values),
      },
    ],
  )
  return {
    stem: file.stem,
    protoPackage: file.packageName,
    group: api.group ?? '',
    version: api.version ?? '',
    enabledByDefault: api.enabled_by_default ?? false,
    groupPriorityMinimum: api.group_priority_minimum,
    versionPriority: api.version_priority,
    enums: new Map(enums),
    messages: new Map(file.types.map((type) => [type.name, messageModel(file, type, stems)])),
  }
}

function messageModel(file: ParsedFile, type: protobuf.Type, stems: ReadonlyMap<string, string>): MessageModel {
  const options = optionsOf(type)
  const kind = one(options, 'kind') as KindOption | undefined
  return {
    stem: file.stem,
    name: type.name,
    kind: kind && kindModel(kind),
    json: text(options, 'json') as JsonForm | undefined,
    typeMeta: flag(options, 'type_meta'),
    jsonOnly: flag(options, 'json_only'),
    atomic: text(options, 'struct_type') === 'atomic',
    introduced: text(options, 'introduced'),
    deprecatedIn: text(options, 'deprecated_in'),
    removedIn: text(options, 'removed_in'),
    replacement: text(options, 'replacement'),
    fields: type.fieldsArray.map((field) => fieldModel(file, field, stems)),
  }
}

function kindModel(kind: KindOption): KindModel {
  return {
    token: kind.token,
    plural: kind.plural,
    singular: kind.singular ?? '',
    listKind: kind.list_kind ?? '',
    shortNames: asArray(kind.short_names),
    categories: asArray(kind.categories),
    namespaced: kind.namespaced ?? false,
    verbs: asArray(kind.verbs),
    served: kind.served,
    storage: kind.storage,
    subresources: asArray(kind.subresources).map((sub) => ({ ...sub, verbs: asArray(sub.verbs) })),
    servedBy: kind.served_by,
  }
}

function fieldModel(file: ParsedFile, field: protobuf.Field, stems: ReadonlyMap<string, string>): FieldModel {
  const options = optionsOf(field)
  const named = text(options, 'named')
  return {
    name: text(options, 'json_name') ?? field.name,
    protoName: field.name,
    num: field.id,
    card: field.map ? 'map' : field.repeated ? 'list' : 'one',
    type: typeName(file, field, stems),
    keyType: field instanceof protobuf.MapField ? field.keyType : undefined,
    inline: flag(options, 'inline'),
    noJson: flag(options, 'no_json'),
    pointer: flag(options, 'pointer'),
    required: flag(options, 'required'),
    always: flag(options, 'always'),
    omitzero: flag(options, 'omitzero'),
    named: named === undefined || named.includes('.') ? named : `${file.stem}.${named}`,
    listType: text(options, 'list_type'),
    listMapKeys: all(options, 'list_map_key').map(String),
    atomic: granularity(text(options, 'map_type') ?? text(options, 'field_struct_type')),
    patchStrategy: text(options, 'patch_strategy')?.split(',') ?? [],
    patchMergeKey: text(options, 'patch_merge_key'),
    default: defaultOf(field.type, text(options, 'default')),
    featureGate: text(options, 'feature_gate'),
    deprecated: flag(options, 'deprecated'),
  }
}

function granularity(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value === 'atomic'
}

function defaultOf(type: string, value: string | undefined): string | number | boolean | undefined {
  if (value === undefined || type === 'string') return value
  return type === 'bool' ? value === 'true' : Number(value)
}

function typeName(file: ParsedFile, field: protobuf.Field, stems: ReadonlyMap<string, string>): string {
  if (field.type === 'k3ts.Any') return 'any'
  if (SCALARS.has(field.type)) return field.type
  const dot = field.type.lastIndexOf('.')
  if (dot < 0) {
    if (!file.types.some((type) => type.name === field.type)) throw new Error(`${file.path}: ${field.fullName}: no message ${field.type}`)
    return `${file.stem}.${field.type}`
  }
  const stem = stems.get(field.type.slice(0, dot))
  if (stem === undefined) throw new Error(`${file.path}: ${field.fullName}: no package for ${field.type}`)
  return `${stem}.${field.type.slice(dot + 1)}`
}
