import { deepEqual } from '../../deep-equal.ts'
import type { Schema } from '../../schema.ts'
import { toTimestamp } from '../../time.ts'
import { compareObjects } from './compare.ts'
import { emptyObjectOf } from './empty-object.ts'
import { difference, EMPTY_SET, type FieldSet, isEmptySet, recursiveDifference, union } from './field-set.ts'
import { capUpdaters, decodeManagers, encodeManagers, type ManagedFieldsEntry, type Manager, sameManager } from './managers.ts'
import { isObject, type JsonObject } from './path-element.ts'

export interface UpdateOptions {
  /** The stored object; absent for a create. */
  readonly old: JsonObject | undefined
  /** What will be stored; its managedFields, if any, are what the client sent. */
  readonly next: JsonObject
  readonly schema: Schema
  /** Field manager of the request; an empty one is recorded as `unknown`. */
  readonly manager: string
  /** Version of the request, such as `apps/v1`. */
  readonly apiVersion: string
  readonly subresource?: string | undefined
  /** Fields that this endpoint does not let the client write, such as `{"f:status":{}}` of the main resource. */
  readonly resetFields?: FieldSet | undefined
  readonly nowMs: number
}

/**
 * The managedFields of `next` after a create, update or patch: what changed belongs to `manager` now and to nobody else, what was
 * removed to nobody. Answers the list of `old` itself when nothing that managers own has changed; undefined when there is none to
 * store (an update of an object whose tracking was reset).
 */
export function updateManagedFields(options: UpdateOptions): readonly ManagedFieldsEntry[] | undefined {
  const { old, next, schema, subresource = '' } = options
  const stored = entriesOf(old)
  const source = trackedEntries(stored, entriesOf(next), subresource !== '')
  if (old !== undefined && (source === undefined || source.length === 0)) return undefined
  const change = compareObjects(schema, old ?? emptyObjectOf(schema), next)
  if (change === undefined) return source === stored || deepEqual(source, stored) ? stored : encodeManagers(decodeManagers(source) ?? [])
  const changed = withoutReset(change.changed, options.resetFields)
  const removed = withoutReset(change.removed, options.resetFields)
  const others = releaseFields(decodeManagers(source) ?? [], changed, removed)
  const managers = isEmptySet(changed) ? others : claim(others, changed, options)
  return encodeManagers(capUpdaters(managers))
}

/** Takes what changed or vanished from everybody who had it. */
export function releaseFields(managers: readonly Manager[], changed: FieldSet, removed: FieldSet): Manager[] {
  return managers.map((manager) => {
    const fields = difference(difference(manager.fields, changed), removed)
    return fields === manager.fields ? manager : { ...manager, fields }
  })
}

function claim(others: readonly Manager[], changed: FieldSet, options: UpdateOptions): Manager[] {
  const identity = {
    name: options.manager === '' ? 'unknown' : options.manager,
    operation: 'Update' as const,
    apiVersion: options.apiVersion,
    subresource: options.subresource ?? '',
  }
  const previous = others.find((manager) => sameManager(manager, identity))
  const fields = previous === undefined ? changed : union(previous.fields, changed)
  return [...others.filter((manager) => manager !== previous), { ...identity, time: toTimestamp(options.nowMs), fields }]
}

function withoutReset(set: FieldSet | undefined, reset: FieldSet | undefined): FieldSet {
  if (set === undefined) return EMPTY_SET
  return reset === undefined ? set : recursiveDifference(set, reset)
}

/**
 * Which list to go on from: a client may change or reset managedFields through the main resource, never through a subresource;
 * one that knows nothing of them must not lose them.
 */
function trackedEntries(
  stored: readonly ManagedFieldsEntry[] | undefined,
  sent: readonly ManagedFieldsEntry[] | undefined,
  isSubresource: boolean,
): readonly ManagedFieldsEntry[] | undefined {
  if (isSubresource || sent === stored || sent === undefined) return stored
  if (isReset(sent)) return []
  return decodeManagers(sent) === undefined ? stored : sent
}

function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  return (
    entries.length === 0 || (entries.length === 1 && Object.values(entries[0] ?? {}).every((value) => value === undefined || value === ''))
  )
}

/** `metadata.managedFields` of an object. */
export function entriesOf(object: JsonObject | undefined): readonly ManagedFieldsEntry[] | undefined {
  const metadata = object?.['metadata']
  const entries = isObject(metadata) ? metadata['managedFields'] : undefined
  return Array.isArray(entries) ? (entries as readonly ManagedFieldsEntry[]) : undefined
}
