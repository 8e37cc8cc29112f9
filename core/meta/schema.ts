/**
 * The one description of the shape of API objects. Built-in kinds get it from the generated table (`core/api`),
 * custom kinds from their CustomResourceDefinition, so that decoding, pruning, defaulting, strategic merge,
 * server-side apply and OpenAPI have one engine each. Immutable after construction; nodes may be shared and cyclic.
 */
export type Schema = ObjectSchema | MapSchema | ListSchema | ScalarSchema

export type ScalarType =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'double'
  | 'bytes'
  | 'quantity'
  | 'time'
  | 'micro-time'
  | 'duration'
  | 'int-or-string'
  /** Any JSON; kept as it is. Covers RawExtension, FieldsV1, JSON and fields marked preserve-unknown. */
  | 'any'

interface SchemaBase {
  readonly nullable?: boolean
  /** Value rules of custom kinds (OpenAPI v3 keywords); built-in kinds validate in code. */
  readonly rules?: ValueRules
  /** Default from a CRD schema or a `default` marker; plain JSON, copied at each use. */
  readonly default?: unknown
}

export interface ObjectSchema extends SchemaBase {
  readonly type: 'object'
  /** Message name such as `core_v1.PodSpec`, absent for custom kinds. */
  readonly name?: string
  /** By JSON key in declaration order; inlined messages are flattened in. */
  readonly fields: ReadonlyMap<string, Field>
  /** Unknown keys are kept (x-kubernetes-preserve-unknown-fields). */
  readonly preserveUnknown?: boolean
  /** x-kubernetes-embedded-resource: apiVersion, kind and metadata are allowed and kept. */
  readonly embeddedResource?: boolean
  /** Schema of keys outside `fields` (additionalProperties next to properties never occurs in structural schemas). */
  readonly atomic?: boolean
}

export interface MapSchema extends SchemaBase {
  readonly type: 'map'
  readonly values: Schema
  readonly atomic?: boolean
}

export interface ListSchema extends SchemaBase {
  readonly type: 'list'
  readonly items: Schema
  /** Absent means atomic. Source: x-kubernetes-list-type. */
  readonly listType?: 'atomic' | 'set' | 'map'
  readonly listMapKeys?: readonly string[]
  /** In protobuf the list is a message with the one field 1 (ExtraValue, Verbs). */
  readonly wrapped?: boolean
}

export interface ScalarSchema extends SchemaBase {
  readonly type: ScalarType
  /** Closed value set of a built-in enum; for OpenAPI and `kubectl explain`. */
  readonly enum?: readonly string[]
  /** An `any` without a schema of its own (preserve-unknown): server-side apply goes into it by key. */
  readonly granular?: boolean
  /** How an `any` travels in protobuf, and what else it may be in JSON. */
  readonly form?: AnyForm
  /** With the `schema-or-…` forms: the object that may stand here. */
  readonly object?: ObjectSchema
}

export type AnyForm = 'raw-extension' | 'fields-v1' | 'raw-json' | 'schema-or-array' | 'schema-or-bool' | 'schema-or-string-array'

export interface Field {
  readonly name: string
  readonly schema: Schema
  /** Listed as required in OpenAPI. */
  readonly required: boolean
  /**
   * Written by Go even when empty (no omitempty, or a plain struct): decoding fills `""`, `0`, `false`, `{}`, `[]`,
   * so that stored objects look as clients expect. Fields without it are dropped when empty and not a pointer.
   */
  readonly always: boolean
  /** A Go pointer: absent differs from zero, so an explicit zero is kept. */
  readonly pointer: boolean
  readonly patchStrategy?: readonly ('merge' | 'replace' | 'retainKeys')[]
  readonly patchMergeKey?: string
  /** Protobuf place; absent for JSON-only fields and custom kinds. `path` lists the numbers of inlined messages around it. */
  readonly proto?: { readonly num: number; readonly path?: readonly number[]; readonly keyType?: string }
  readonly deprecated?: boolean
  /** Go type of a named scalar or of the items of such a list, `core_v1.RestartPolicy`; type errors show it. */
  readonly goName?: string
  /** The field is dropped from writes while this feature gate is off. */
  readonly featureGate?: string
}

/** OpenAPI v3 value validations of custom kinds. */
export interface ValueRules {
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: boolean
  readonly exclusiveMaximum?: boolean
  readonly multipleOf?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly allOf?: readonly LogicalRule[]
  readonly anyOf?: readonly LogicalRule[]
  readonly oneOf?: readonly LogicalRule[]
  readonly not?: LogicalRule
}

/** A schema fragment below allOf/anyOf/oneOf/not: validates only, never defaults or prunes. */
export interface LogicalRule extends ValueRules {
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, LogicalRule>>
  readonly items?: LogicalRule
}
