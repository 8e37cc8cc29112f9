import { KIND_TABLE, type KindEntry, type SubresourceEntry } from '../../api/kind-table.ts'
import type { FieldError } from '../../meta/field-error.ts'
import { dns1123SubdomainProblems, problemText } from '../../meta/names.ts'
import type { KubeObject } from '../../meta/object.ts'
import type { ResourceType } from '../../meta/resource-type.ts'
import type { ObjectSchema } from '../../meta/schema.ts'
import type { HookContext, ResourceDef, StorageConversion, SubresourceDef, Work } from './resource-def.ts'
import { schemaOfKind } from './schema-of.ts'
import { type Strategy, statusSubresource, strategyHooks } from './strategy.ts'
import { defaultTable, type Table } from './table/table.ts'

/** What a kind adds to its row in the generated kind table (names, verbs, storage prefix, subresources) and to its schema. */
export interface ResourceSpec<T extends KubeObject> {
  readonly conversion?: StorageConversion<T>
  /** Default: DNS-1123 subdomain. */
  readonly nameProblem?: (name: string) => string | undefined
  readonly applyDefaults?: (object: Work<T>) => void
  readonly strategy?: Strategy<T>
  readonly validate?: (next: T, old: T | undefined, context: HookContext) => readonly FieldError[]
  readonly warnings?: (next: T, old: T | undefined) => readonly string[]
  readonly deprecation?: string
  /** Default false. */
  readonly allowCreateOnUpdate?: boolean
  /** Default true. */
  readonly allowUnconditionalUpdate?: boolean
  /** Default `background`. */
  readonly defaultDeletion?: 'background' | 'orphan'
  readonly gracePeriodSeconds?: (object: T, requested: number | undefined) => number
  readonly extraFinalizers?: (object: T) => readonly string[]
  readonly markDeleting?: (object: Work<T>) => void
  /** Default: name and creation time, as Kubernetes prints kinds without columns of their own. */
  readonly table?: Table<T>
  readonly rowOrder?: (a: T, b: T) => number
  readonly fields?: (object: T) => Readonly<Record<string, string>>
  /** Replaces what the kind table alone would give: plain `status`, `scale` over the usual paths, handlers for the rest. */
  readonly subresources?: Readonly<Record<string, SubresourceDef<T>>>
}

/** Completes a kind's definition. The schema is looked up at first use, so that the table costs nothing at start. */
export function defineResource<T extends KubeObject>(type: ResourceType<T>, spec: ResourceSpec<T> = {}): ResourceDef<T> {
  const entry = entryOf(type)
  const table = spec.table ?? defaultTable
  return {
    group: entry.group,
    version: entry.version,
    kind: entry.kind,
    listKind: entry.listKind,
    resource: entry.resource,
    singular: entry.singular,
    shortNames: entry.shortNames,
    categories: entry.categories,
    namespaced: entry.namespaced,
    verbs: entry.verbs,
    get schema(): ObjectSchema {
      return schemaOfKind(entry.schema)
    },
    storagePrefix: entry.storagePrefix ?? '',
    nameProblem: spec.nameProblem ?? nameRule(dns1123SubdomainProblems),
    allowCreateOnUpdate: spec.allowCreateOnUpdate ?? false,
    allowUnconditionalUpdate: spec.allowUnconditionalUpdate ?? true,
    defaultDeletion: spec.defaultDeletion ?? 'background',
    columns: table.columns,
    toRow: table.toRow,
    subresources: subresourcesOf(entry, spec.subresources ?? {}),
    ...strategyHooks(entry.schema, spec),
    ...present({
      storageVersionHash: entry.storageVersionHash,
      conversion: spec.conversion,
      applyDefaults: spec.applyDefaults,
      validate: spec.validate,
      warnings: spec.warnings,
      deprecation: spec.deprecation,
      gracePeriodSeconds: spec.gracePeriodSeconds,
      extraFinalizers: spec.extraFinalizers,
      markDeleting: spec.markDeleting,
      rowConditions: table.rowConditions,
      rowOrder: spec.rowOrder,
      selectableFields: spec.fields,
    }),
  }
}

/** Turns a name format into the name rule of a kind. */
export function nameRule(problems: (name: string) => readonly string[]): (name: string) => string | undefined {
  return (name) => problemText(problems(name))
}

function entryOf({ group, version, kind }: ResourceType<unknown>): KindEntry {
  const entry = KIND_TABLE.find((row) => row.kind === kind && row.group === group && row.version === version)
  if (entry === undefined) throw new Error(`${group}/${version} ${kind} is not in the kind table`)
  return entry
}

function subresourcesOf<T extends KubeObject>(
  entry: KindEntry,
  own: Readonly<Record<string, SubresourceDef<T>>>,
): Readonly<Record<string, SubresourceDef<T>>> {
  return Object.fromEntries(entry.subresources.map((sub) => [sub.name, own[sub.name] ?? usualSubresource<T>(sub)]))
}

function usualSubresource<T extends KubeObject>({ name, kind, group, version, verbs }: SubresourceEntry): SubresourceDef<T> {
  if (name === 'status') return statusSubresource()
  if (name === 'scale')
    return { type: 'scale', verbs, specReplicas: '.spec.replicas', statusReplicas: '.status.replicas', labelSelector: '.spec.selector' }
  return { type: 'custom', verbs, kind, ...(group !== undefined && { group }), ...(version !== undefined && { version }) }
}

type Present<R> = { [K in keyof R]?: Exclude<R[K], undefined> }

/** Leaves out what is undefined: exact optional properties tell absent from undefined. */
function present<R extends object>(record: R): Present<R> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Present<R>
}
