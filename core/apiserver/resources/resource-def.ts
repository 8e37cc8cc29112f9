import type { FieldError } from '../../meta/field-error.ts'
import type { KubeObject, Mutable } from '../../meta/object.ts'
import type { ObjectSchema } from '../../meta/schema.ts'
import type { UserInfo } from '../auth/auth.ts'

/** An object inside the write pipeline: decoded for this request alone, so hooks change it in place. */
export type Work<T> = Mutable<T>

/**
 * One kind is one entry. Routes, discovery, OpenAPI, Table output, RBAC verbs and storage keys derive from it.
 * Hooks are pure but for the object they were handed; what needs other objects is admission.
 */
export interface ResourceDef<T extends KubeObject = KubeObject> {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly listKind: string
  readonly resource: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  /** Served verbs: create, delete, deletecollection, get, list, patch, update, watch. */
  readonly verbs: readonly string[]
  readonly schema: ObjectSchema
  /** What OpenAPI publishes of a custom kind: the OpenAPI v3 schema as its definition gives it. */
  readonly openApiSchema?: Readonly<Record<string, unknown>>
  /** Storage prefix without trailing slash, `/registry/pods`; several versions of a kind share one. */
  readonly storagePrefix: string
  /** Hash of the storage version in discovery, absent for virtual kinds. */
  readonly storageVersionHash?: string
  /** How this version and the stored one become each other; absent when this version is the stored one. */
  readonly conversion?: StorageConversion<T>
  /** Checks `metadata.name`; returns the problem or undefined. */
  readonly nameProblem: (name: string) => string | undefined
  /** Fills defaults, on create, update and on old stored objects alike. */
  readonly applyDefaults?: (object: Work<T>) => void
  /** On create, after mutating admission and before validation: clear status, set generation, allocate derived fields. */
  readonly prepareCreate?: (object: Work<T>, context: HookContext) => void
  /** On update, after mutating admission and before validation: keep what this endpoint may not change, bump generation. */
  readonly prepareUpdate?: (next: Work<T>, old: T, context: HookContext) => void
  /** Every problem of the object; `old` is present on update. Never throws. */
  readonly validate?: (next: T, old: T | undefined, context: HookContext) => readonly FieldError[]
  readonly warnings?: (next: T, old: T | undefined) => readonly string[]
  /** Told with every answer: this version is on its way out. */
  readonly deprecation?: string
  /** Update with a PUT may create (leases, events …). */
  readonly allowCreateOnUpdate: boolean
  /** PUT without resourceVersion is last-writer-wins. */
  readonly allowUnconditionalUpdate: boolean
  readonly defaultDeletion: 'background' | 'orphan'
  /** Seconds of grace for a delete; absent for kinds that go at once. 0 deletes at once. */
  readonly gracePeriodSeconds?: (object: T, requested: number | undefined) => number
  /** Finalizers outside of metadata that keep a deleted object for now (`spec.finalizers` of a Namespace). */
  readonly extraFinalizers?: (object: T) => readonly string[]
  /** What a delete changes, besides metadata, in an object that finalizers keep for now (phase Terminating). */
  readonly markDeleting?: (object: Work<T>) => void
  readonly columns: readonly Column[]
  /** Cells in the order of `columns`. */
  readonly toRow: (object: T, nowMs: number) => readonly Cell[]
  /** Order of the rows of a list; absent: as stored. */
  readonly rowOrder?: (a: T, b: T) => number
  /** Row conditions of the Table (finished pods and jobs). */
  readonly rowConditions?: (object: T) => readonly unknown[]
  /** Values of the selectable fields besides metadata.name and metadata.namespace; a missing key is an unknown selector. */
  readonly selectableFields?: (object: T) => Readonly<Record<string, string>>
  readonly subresources: Readonly<Record<string, SubresourceDef<T>>>
}

/**
 * Kinds served in several versions are stored in one (the hub). Both ways copy; nothing is lost on a round trip.
 * `apiVersion` and `kind` are set by the functions.
 */
export interface StorageConversion<T extends KubeObject = KubeObject> {
  /** `v1` or `group/version` of the stored form; its definition is in the table. */
  readonly hub: string
  readonly toHub: (object: T) => KubeObject
  readonly fromHub: (stored: KubeObject) => T
  /** Conversion by somebody else, which takes its time; `toHub` and `fromHub` are then not called. */
  readonly remote?: RemoteConversion
}

/** Throws StatusError when the other side does not answer as it should. */
export interface RemoteConversion {
  readonly toHub: (object: KubeObject) => Promise<KubeObject>
  /** As many as were given, in their order. */
  readonly fromHub: (stored: readonly KubeObject[]) => Promise<readonly KubeObject[]>
}

/** `status`-like subresources write the parent through the pipeline with their own hooks; the rest is `custom`. */
export type SubresourceDef<T extends KubeObject = KubeObject> =
  | {
      readonly type: 'object'
      readonly verbs: readonly string[]
      readonly prepareUpdate: (next: Work<T>, old: T, context: HookContext) => void
      readonly validate?: (next: T, old: T, context: HookContext) => readonly FieldError[]
    }
  /**
   * autoscaling/v1 Scale over three paths of the parent. For built-in kinds `labelSelector` leads to a LabelSelector
   * (or a plain map), for custom kinds to its string form.
   */
  | {
      readonly type: 'scale'
      readonly verbs: readonly string[]
      readonly specReplicas: string
      readonly statusReplicas: string
      readonly labelSelector?: string
    }
  /** Served by a handler registered under `resource/subresource` (binding, eviction, token, log, exec, …). */
  | {
      readonly type: 'custom'
      readonly verbs: readonly string[]
      readonly kind: string
      readonly group?: string
      readonly version?: string
    }

export interface HookContext {
  readonly nowMs: number
  readonly user: UserInfo
  /** Cluster-wide settings a hook may need. */
  readonly settings: ApiSettings
}

export interface ApiSettings {
  readonly serviceCidrs: readonly string[]
  readonly clusterCidrs: readonly string[]
  readonly nodePortRange: readonly [number, number]
  readonly clusterDomain: string
}

export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format: string
  readonly description: string
  readonly priority: number
}

export type Cell = string | number | boolean | null
