/** What scripts/generate knows of the API after reading proto/k8s: the input of every writer. */

export type JsonForm =
  | 'int-or-string'
  | 'quantity'
  | 'time'
  | 'micro-time'
  | 'duration'
  | 'raw-extension'
  | 'fields-v1'
  | 'raw-json'
  | 'schema-or-array'
  | 'schema-or-bool'
  | 'schema-or-string-array'
  | 'list'

export interface ApiModel {
  /** By stem, such as `core_v1`, in alphabetical order. */
  readonly packages: ReadonlyMap<string, PackageModel>
}

export interface PackageModel {
  readonly stem: string
  /** `k8s.io.api.core.v1`; names in OpenAPI derive from it. */
  readonly protoPackage: string
  readonly group: string
  /** Empty for the packages that hold shared types. */
  readonly version: string
  readonly enabledByDefault: boolean
  readonly groupPriorityMinimum: number | undefined
  readonly versionPriority: number | undefined
  readonly enums: ReadonlyMap<string, EnumModel>
  readonly messages: ReadonlyMap<string, MessageModel>
}

export interface EnumModel {
  readonly base: string
  readonly closed: boolean
  readonly values: readonly string[]
}

export interface MessageModel {
  readonly stem: string
  readonly name: string
  readonly kind: KindModel | undefined
  readonly json: JsonForm | undefined
  readonly typeMeta: boolean
  readonly jsonOnly: boolean
  readonly atomic: boolean
  readonly introduced: string | undefined
  readonly deprecatedIn: string | undefined
  readonly removedIn: string | undefined
  readonly replacement: string | undefined
  readonly fields: readonly FieldModel[]
}

export interface KindModel {
  readonly token: string | undefined
  readonly plural: string
  readonly singular: string
  readonly listKind: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  readonly served: boolean
  readonly storage: { readonly prefix: string; readonly hash: string; readonly stored_as: string } | undefined
  readonly subresources: readonly SubresourceModel[]
  readonly servedBy: string | undefined
}

export interface SubresourceModel {
  readonly name: string
  readonly kind: string
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly string[]
}

export interface FieldModel {
  /** JSON key. */
  readonly name: string
  readonly protoName: string
  readonly num: number
  readonly card: 'one' | 'list' | 'map'
  /** Scalar name, `any`, or `<stem>.<Message>`. */
  readonly type: string
  readonly keyType: string | undefined
  readonly inline: boolean
  readonly noJson: boolean
  readonly pointer: boolean
  readonly required: boolean
  /** No omitempty in Go. */
  readonly always: boolean
  readonly omitzero: boolean
  /** `<stem>.<Type>` or a type outside the API such as `types.UID`. */
  readonly named: string | undefined
  readonly listType: string | undefined
  readonly listMapKeys: readonly string[]
  /** Of the map or struct at this field; absent leaves it to the message. */
  readonly atomic: boolean | undefined
  readonly patchStrategy: readonly string[]
  readonly patchMergeKey: string | undefined
  readonly default: string | number | boolean | undefined
  readonly featureGate: string | undefined
  readonly deprecated: boolean
}

export const SCALARS: ReadonlySet<string> = new Set(['string', 'bool', 'int32', 'int64', 'uint32', 'double', 'bytes', 'any'])

export function messageOf(model: ApiModel, type: string): MessageModel | undefined {
  const dot = type.lastIndexOf('.')
  return dot < 0 ? undefined : model.packages.get(type.slice(0, dot))?.messages.get(type.slice(dot + 1))
}

export function enumOf(model: ApiModel, named: string | undefined): EnumModel | undefined {
  if (named === undefined) return undefined
  const dot = named.lastIndexOf('.')
  return model.packages.get(named.slice(0, dot))?.enums.get(named.slice(dot + 1))
}

/**
 * Whether the field stands in every encoded object: no omitempty, or a plain struct, which Go's omitempty never drops.
 * Forms of their own (times, quantities …) count as values here, and pointers without a value are left out.
 */
export function isAlways(model: ApiModel, field: FieldModel): boolean {
  if (field.pointer) return field.always
  const message = messageOf(model, field.type)
  const plainStruct = message !== undefined && field.card === 'one' && !field.omitzero && (message.json ?? 'list') === 'list'
  return plainStruct || field.always
}

const ZERO_TEXT: ReadonlySet<string | undefined> = new Set(['quantity', 'int-or-string', 'duration'])

/** As `isAlways`, with the structs whose zero has a JSON form of its own (`"0"`): Go's omitempty does not drop those either. */
export function isWritten(model: ApiModel, field: FieldModel): boolean {
  const hasZero = field.card === 'one' && !field.pointer && ZERO_TEXT.has(messageOf(model, field.type)?.json)
  return hasZero || isAlways(model, field)
}

/** File name part of a package: `core_v1` is `core-v1`, `apps_v1` is `apps-v1`, `intstr` stays. */
export function moduleOf(stem: string): string {
  const cut = stem.lastIndexOf('_')
  if (cut < 0) return stem
  return `${stem.slice(0, cut).split('.')[0] ?? ''}-${stem.slice(cut + 1)}`
}
