import { deepEqual } from '../../meta/deep-equal.ts'
import type { FieldError } from '../../meta/field-error.ts'
import type { KubeObject } from '../../meta/object.ts'
import type { HookContext, ResourceDef, SubresourceDef, Work } from './resource-def.ts'
import { emptyStatus } from './schema-of.ts'

/** How a kind is prepared for storage. Source: shared facts on defaults, "strategies". */
export interface Strategy<T extends KubeObject> {
  /**
   * `controlled`: cleared on create, taken from the stored object on an update of the main resource.
   * `sent-on-create`: as `controlled`, but a create may bring it (nodes). Absent: the kind has none.
   */
  readonly status?: 'controlled' | 'sent-on-create'
  /** Counts changes in `metadata.generation`: 1 on create, plus one when `bump` (or one of the named top-level fields) changed. */
  readonly generation?: readonly string[] | ((next: Work<T>, old: T) => boolean)
  /** Runs after the above. */
  readonly create?: (object: Work<T>, context: HookContext) => void
  /** Runs before the generation is decided. */
  readonly update?: (next: Work<T>, old: T, context: HookContext) => void
}

type Open = Record<string, unknown>

/** Turns the strategy into the two hooks of a definition. Defaults run again on a cleared status, which some kinds default into. */
export function strategyHooks<T extends KubeObject>(
  schema: string,
  spec: { readonly strategy?: Strategy<T>; readonly applyDefaults?: (object: Work<T>) => void },
): Pick<ResourceDef<T>, 'prepareCreate' | 'prepareUpdate'> {
  const strategy = spec.strategy ?? {}
  return {
    prepareCreate(object, context) {
      if (strategy.status === 'controlled') {
        setOrDelete(object, 'status', emptyStatus(schema))
        spec.applyDefaults?.(object)
      }
      if (strategy.generation !== undefined) object.metadata.generation = 1
      strategy.create?.(object, context)
    },
    prepareUpdate(next, old, context) {
      if (strategy.status !== undefined) setOrDelete(next, 'status', (old as Open)['status'])
      strategy.update?.(next, old, context)
      setGeneration(next, old, strategy.generation)
    },
  }
}

function setGeneration<T extends KubeObject>(next: Work<T>, old: T, rule: Strategy<T>['generation']): void {
  const before = old.metadata.generation
  if (rule === undefined) {
    setOrDelete(next.metadata, 'generation', before)
    return
  }
  const changed = typeof rule === 'function' ? rule(next, old) : rule.some((key) => !deepEqual((next as Open)[key], (old as Open)[key]))
  setOrDelete(next.metadata, 'generation', changed ? (before ?? 0) + 1 : before)
}

const KEPT_BY_STATUS = new Set(['apiVersion', 'kind', 'metadata', 'status'])

export interface StatusOptions<T extends KubeObject> {
  /** Everything in `metadata` but managedFields and resourceVersion stays as stored. */
  readonly keepMetadata?: boolean
  readonly prepare?: (next: Work<T>, old: T, context: HookContext) => void
  readonly validate?: (next: T, old: T, context: HookContext) => readonly FieldError[]
}

/** The `status` subresource: only `status` (and open metadata) is taken from the request. */
export function statusSubresource<T extends KubeObject>(options: StatusOptions<T> = {}): SubresourceDef<T> {
  return {
    type: 'object',
    verbs: ['get', 'patch', 'update'],
    prepareUpdate(next, old, context) {
      keepStored(next, old, KEPT_BY_STATUS)
      if (options.keepMetadata === true) keepMetadata(next, old)
      setOrDelete(next.metadata, 'generation', old.metadata.generation)
      options.prepare?.(next, old, context)
    },
    ...(options.validate !== undefined && { validate: options.validate }),
  }
}

/** Puts back every top-level field but the named ones from the stored object. */
export function keepStored<T extends KubeObject>(next: Work<T>, old: T, taken: ReadonlySet<string>): void {
  for (const key of Object.keys(next)) if (!taken.has(key) && !(key in old)) Reflect.deleteProperty(next, key)
  for (const [key, value] of Object.entries(old)) if (!taken.has(key)) (next as Open)[key] = value
}

const NEW_IN_METADATA = new Set(['managedFields', 'resourceVersion'])

/** The metadata of the stored object with the request's managedFields and resourceVersion. */
export function keepMetadata<T extends KubeObject>(next: Work<T>, old: T): void {
  const metadata = next.metadata as Open
  for (const key of Object.keys(metadata)) if (!NEW_IN_METADATA.has(key)) Reflect.deleteProperty(metadata, key)
  for (const [key, value] of Object.entries(old.metadata)) if (!NEW_IN_METADATA.has(key)) metadata[key] = value
}

/** Assigns, or removes the key for undefined, so that no `key: undefined` reaches the serialiser's shape checks. */
export function setOrDelete(object: Open, key: string, value: unknown): void {
  if (value === undefined) Reflect.deleteProperty(object, key)
  else object[key] = value
}
