import { deepEqual } from '../../deep-equal.ts'
import type { Schema } from '../../schema.ts'
import { StatusError } from '../../status-error.ts'
import { toTimestamp } from '../../time.ts'
import { compareObjects } from './compare.ts'
import { conflictError, conflictsWith, withoutFields } from './conflict.ts'
import { emptyObjectOf } from './empty-object.ts'
import {
  difference,
  EMPTY_SET,
  equalSets,
  type FieldSet,
  intersection,
  isEmptySet,
  isSubset,
  recursiveDifference,
  union,
} from './field-set.ts'
import { KUBECTL, lastAppliedFields, withLastApplied } from './last-applied.ts'
import { decodeManagers, encodeManagers, type ManagedFieldsEntry, type Manager, sameManager } from './managers.ts'
import { mergeObjects } from './merge.ts'
import { isObject, type JsonObject } from './path-element.ts'
import { removeItems } from './remove.ts'
import { configurationProblems, toFieldSet, withNamedFields } from './to-field-set.ts'
import { entriesOf, releaseFields } from './update.ts'

export interface ApplyOptions {
  /** The stored object; absent when applying creates it. */
  readonly live: JsonObject | undefined
  /** The configuration as the client sent it, parsed. */
  readonly patch: JsonObject
  readonly schema: Schema
  /** Field manager of the request; required by the API for apply. */
  readonly manager: string
  /** Version of the request, such as `apps/v1`. */
  readonly apiVersion: string
  readonly force: boolean
  readonly subresource?: string | undefined
  /** Fields that this endpoint does not let the client write, such as `{"f:status":{}}` of the main resource. */
  readonly resetFields?: FieldSet | undefined
  readonly nowMs: number
}

export interface ApplyResult {
  /** The merged object, still to be defaulted; `live` itself when applying changes nothing. Without managedFields. */
  readonly object: JsonObject
  readonly managedFields: readonly ManagedFieldsEntry[]
}

/** Fields of every object that no manager can own. */
const STRIPPED: FieldSet = {
  'f:apiVersion': {},
  'f:kind': {},
  'f:metadata': {
    '.': {},
    'f:name': {},
    'f:namespace': {},
    'f:creationTimestamp': {},
    'f:selfLink': {},
    'f:uid': {},
    'f:clusterName': {},
    'f:generation': {},
    'f:managedFields': {},
    'f:resourceVersion': {},
  },
}

/**
 * Server-side apply: merges the configuration into the live object, removes what this manager applied before and now leaves out
 * (unless somebody else owns it), and records the ownership. Throws StatusError Conflict unless `force`, BadRequest for a
 * configuration that carries managedFields or another version, InternalError (as Kubernetes does) when it does not fit the schema.
 * Source: Kubernetes documentation, "Server-Side Apply".
 */
export function applyPatch(options: ApplyOptions): ApplyResult {
  const { patch, schema, manager } = options
  checkConfiguration(options)
  const live = withoutManagedFields(options.live ?? emptyObjectOf(schema))
  const before = managersBefore(options, live)
  const result = applyOnce(options, live, before)
  const object = manager === KUBECTL ? withLastApplied(result.object, patch) : result.object
  const isSame = options.live !== undefined && deepEqual(object, live)
  return { object: isSame ? live : object, managedFields: encodeManagers(result.managers) }
}

function applyOnce(
  options: ApplyOptions,
  live: JsonObject,
  before: readonly Manager[],
): { object: JsonObject; managers: readonly Manager[] } {
  const { schema, patch, apiVersion, resetFields } = options
  const identity = { name: options.manager, operation: 'Apply' as const, apiVersion, subresource: options.subresource ?? '' }
  const previous = before.find((manager) => sameManager(manager, identity))
  const others = before.filter((manager) => manager !== previous)
  const claimed = toFieldSet(schema, patch)
  const fields = resetFields === undefined ? claimed : recursiveDifference(claimed, resetFields)
  const merged = mergeObjects(schema, live, patch)
  const object = previous === undefined ? merged : prune(schema, merged, previous.fields, [fields, ...others.map((other) => other.fields)])
  const { changed, removed } = differences(schema, live, object, resetFields)
  if (!options.force) rejectConflicts(options, live, others, changed)
  const own = difference(fields, STRIPPED)
  const isNew = previous === undefined || !equalSets(previous.fields, own) || !isEmptySet(changed) || !isEmptySet(removed)
  const time = isNew ? toTimestamp(options.nowMs) : previous.time
  return { object, managers: [...releaseFields(others, changed, removed), { ...identity, time, fields: own }] }
}

function differences(
  schema: Schema,
  live: JsonObject,
  object: JsonObject,
  reset: FieldSet | undefined,
): { readonly changed: FieldSet; readonly removed: FieldSet } {
  const change = compareObjects(schema, live, object)
  const filter = (set: FieldSet = EMPTY_SET): FieldSet => (reset === undefined ? set : recursiveDifference(set, reset))
  return { changed: filter(change?.changed), removed: filter(change?.removed) }
}

function rejectConflicts(options: ApplyOptions, live: JsonObject, others: readonly Manager[], changed: FieldSet): void {
  let conflicts = conflictsWith(others, changed)
  if (conflicts.length > 0 && options.manager === KUBECTL)
    conflicts = withoutFields(conflicts, lastAppliedFields(options.schema, live, options.apiVersion))
  if (conflicts.length > 0) throw conflictError(conflicts)
}

/**
 * Removes from `merged` what the manager had applied and nobody owns any more. Items below a removed list item or map key go with
 * it; fields that nobody ever owned stay unless their container goes.
 */
function prune(schema: Schema, merged: JsonObject, last: FieldSet, owners: readonly FieldSet[]): JsonObject {
  const owned = owners.reduce(union, EMPTY_SET)
  if (isSubset(last, owned)) return merged
  const lastNamed = withNamedFields(schema, last)
  const setOf = (object: JsonObject): FieldSet => withNamedFields(schema, toFieldSet(schema, object))
  const all = setOf(merged)
  const keep = union(setOf(removeItems(schema, merged, lastNamed)), withNamedFields(schema, owned))
  const kept = setOf(removeItems(schema, merged, difference(all, keep)))
  return removeItems(schema, merged, intersection(difference(all, kept), lastNamed))
}

/** Fields set before anybody applied belong to a manager of their own, so that the first applier sees conflicts with them. */
function managersBefore(options: ApplyOptions, live: JsonObject): readonly Manager[] {
  const managers = decodeManagers(entriesOf(options.live)) ?? []
  if (managers.length > 0 || options.live === undefined) return managers
  const change = differences(options.schema, emptyObjectOf(options.schema), live, options.resetFields)
  if (isEmptySet(change.changed)) return []
  const { apiVersion, subresource = '' } = options
  const time = toTimestamp(options.nowMs)
  return [{ name: 'before-first-apply', operation: 'Update', apiVersion, subresource, time, fields: change.changed }]
}

function withoutManagedFields(object: JsonObject): JsonObject {
  const metadata = object['metadata']
  if (!isObject(metadata) || metadata['managedFields'] === undefined) return object
  const rest: Record<string, unknown> = { ...metadata }
  delete rest['managedFields']
  return { ...object, metadata: rest }
}

function checkConfiguration({ patch, apiVersion, schema }: ApplyOptions): void {
  if (patch['apiVersion'] !== apiVersion)
    throw new StatusError(
      'BadRequest',
      `Incorrect version specified in apply patch. Specified patch version: ${textOf(patch['apiVersion'])}, expected: ${apiVersion}`,
    )
  const entries = entriesOf(patch)
  if (entries !== undefined) throw new StatusError('BadRequest', 'metadata.managedFields must be nil')
  const problems = configurationProblems(schema, patch)
  if (problems.length === 0) return
  const text = problems.length === 1 ? (problems[0] ?? '') : `errors:\n${problems.map((problem) => `  ${problem}`).join('\n')}`
  throw new StatusError('InternalError', `failed to create typed patch object (${describe(patch)}): ${text}`)
}

/** `namespace/name; group/version, Kind=Kind`, as Kubernetes names an object in these errors. */
function describe(patch: JsonObject): string {
  const metadata = isObject(patch['metadata']) ? patch['metadata'] : {}
  const version = textOf(patch['apiVersion'])
  const groupVersion = version.includes('/') ? version : `/${version}`
  return `${textOf(metadata['namespace'])}/${textOf(metadata['name'])}; ${groupVersion}, Kind=${textOf(patch['kind'])}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
