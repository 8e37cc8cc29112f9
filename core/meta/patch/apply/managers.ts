import { EMPTY_SET, type FieldSet, isEmptySet, sorted, union } from './field-set.ts'

/** Structural twin of meta/v1 ManagedFieldsEntry. */
export interface ManagedFieldsEntry {
  readonly manager?: string | undefined
  readonly operation?: string | undefined
  readonly apiVersion?: string | undefined
  readonly time?: string | undefined
  readonly fieldsType?: string | undefined
  readonly fieldsV1?: unknown
  readonly subresource?: string | undefined
}

export type ManagerOperation = 'Apply' | 'Update'

/** One entry in the form this engine works with. */
export interface Manager {
  readonly name: string
  readonly operation: ManagerOperation
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string | undefined
  readonly fields: FieldSet
  /** The entry it came from, reused while nothing about it changes. */
  readonly entry?: ManagedFieldsEntry | undefined
}

/** Two entries of one manager are the same when this is: appliers regardless of version, updaters by version. */
export function sameManager(a: Omit<Manager, 'fields' | 'time'>, b: Omit<Manager, 'fields' | 'time'>): boolean {
  return (
    a.name === b.name &&
    a.operation === b.operation &&
    a.subresource === b.subresource &&
    (a.operation === 'Apply' || a.apiVersion === b.apiVersion)
  )
}

/** Undefined when an entry is malformed; the writer's list is then ignored in favour of the stored one. */
export function decodeManagers(entries: readonly ManagedFieldsEntry[] | undefined): readonly Manager[] | undefined {
  const managers: Manager[] = []
  for (const entry of entries ?? []) {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') return undefined
    if (entry.apiVersion === undefined || entry.apiVersion === '' || entry.fieldsType !== 'FieldsV1') return undefined
    managers.push({
      name: entry.manager ?? '',
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? '',
      time: entry.time,
      fields: (entry.fieldsV1 ?? EMPTY_SET) as FieldSet,
      entry,
    })
  }
  return managers
}

/** Entries as they are stored: no empty ones, appliers before updaters, oldest first. */
export function encodeManagers(managers: readonly Manager[]): ManagedFieldsEntry[] {
  const kept = managers.filter(({ fields }) => !isEmptySet(fields))
  if (kept.length > 1) kept.sort(compareManagers)
  return kept.map(encode)
}

function encode(manager: Manager): ManagedFieldsEntry {
  const { entry } = manager
  if (entry !== undefined && entry.fieldsV1 === manager.fields && entry.time === manager.time && entry.apiVersion === manager.apiVersion)
    return entry
  return {
    ...(manager.name !== '' && { manager: manager.name }),
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time !== undefined && { time: manager.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: sorted(manager.fields),
    ...(manager.subresource !== '' && { subresource: manager.subresource }),
  }
}

function compareManagers(a: Manager, b: Manager): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time ?? '', b.time ?? '') ||
    compareText(a.name, b.name) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** More update entries than this are merged, oldest first. Source: Kubernetes documentation, "Field management". */
export const MAX_UPDATE_MANAGERS = 10
const BUCKET = 'ancient-changes'

/** Merges the oldest updaters of each version into one entry until the cap holds. */
export function capUpdaters(managers: readonly Manager[]): readonly Manager[] {
  const updaters = managers.filter(({ operation }) => operation === 'Update')
  let excess = updaters.length - MAX_UPDATE_MANAGERS
  if (excess <= 0) return managers
  const kept = new Set(managers)
  const targets = new Map<string, Manager>()
  for (const manager of updaters) if (manager.name === BUCKET && manager.subresource === '') targets.set(manager.apiVersion, manager)
  for (const manager of updaters.sort(compareManagers)) {
    if (excess <= 0) break
    const target = targets.get(manager.apiVersion) ?? manager
    if (target === manager) {
      targets.set(manager.apiVersion, manager)
      continue
    }
    const merged = {
      ...target,
      name: BUCKET,
      subresource: '',
      time: manager.time,
      fields: union(target.fields, manager.fields),
      entry: undefined,
    }
    kept.delete(target)
    kept.delete(manager)
    kept.add(merged)
    targets.set(manager.apiVersion, merged)
    excess -= 1
  }
  return [...kept]
}
