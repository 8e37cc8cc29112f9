import { decodeObject } from '../../meta/decode/decode.ts'
import type { FieldError } from '../../meta/field-error.ts'
import type { KubeObject } from '../../meta/object.ts'
import { apiVersionOf } from '../../meta/resource-type.ts'
import type { ApiSettings, HookContext, ResourceDef, Work } from './resource-def.ts'

/** What the write pipeline does around a kind's hooks, in small: for the tests beside the kinds. */

const TEST_SETTINGS: ApiSettings = {
  serviceCidrs: ['10.43.0.0/16'],
  clusterCidrs: ['10.42.0.0/16'],
  nodePortRange: [30_000, 32_767],
  clusterDomain: 'cluster.local',
}

export const TEST_CONTEXT: HookContext = {
  nowMs: Date.parse('2026-03-01T12:00:00Z'),
  user: { name: 'jane', groups: ['system:authenticated'] },
  settings: TEST_SETTINGS,
}

/** Decodes and defaults a draft; `metadata.name` is `x` and the namespace `default` unless given. */
export function decoded<T extends KubeObject>(def: ResourceDef<T>, draft: object): Work<T> {
  const copy = structuredClone(draft) as { metadata?: object }
  copy.metadata = { name: 'x', ...(def.namespaced && { namespace: 'default' }), ...copy.metadata }
  const { object } = decodeObject({ kind: def.kind, apiVersion: apiVersionOf(def), ...copy }, def.schema)
  const work = object as unknown as Work<T>
  def.applyDefaults?.(work)
  return work
}

/** The object that a create of the draft would store. */
export function created<T extends KubeObject>(def: ResourceDef<T>, draft: object): Work<T> {
  const work = decoded(def, draft)
  work.metadata.uid = '6b3c8f2e-0000-4000-8000-000000000001'
  work.metadata.creationTimestamp = '2026-03-01T12:00:00Z'
  def.prepareCreate?.(work, TEST_CONTEXT)
  return work
}

/** The object that an update of `old` with the draft would store; metadata the server owns is carried over. */
export function updated<T extends KubeObject>(def: ResourceDef<T>, old: Work<T>, draft: object): Work<T> {
  const work = decoded(def, draft)
  const { uid, creationTimestamp } = old.metadata
  Object.assign(work.metadata, { uid, creationTimestamp })
  def.prepareUpdate?.(work, structuredClone(old) as unknown as T, TEST_CONTEXT)
  return work
}

const lines = (errors: readonly FieldError[]): string[] => errors.map(({ field, message }) => `${field}: ${message}`)

/** Problems of a create, one a line as clients see them. */
export function createProblems<T extends KubeObject>(def: ResourceDef<T>, draft: object): string[] {
  return lines(def.validate?.(created(def, draft) as unknown as T, undefined, TEST_CONTEXT) ?? [])
}

/** Problems of an update from one draft to another. */
export function updateProblems<T extends KubeObject>(def: ResourceDef<T>, before: object, after: object): string[] {
  const old = created(def, before)
  const next = updated(def, old, after)
  return lines(def.validate?.(next as unknown as T, old as unknown as T, TEST_CONTEXT) ?? [])
}

/** Cells by column name. */
export function row<T extends KubeObject>(
  def: ResourceDef<T>,
  object: Work<T>,
  nowMs: number = TEST_CONTEXT.nowMs,
): Record<string, unknown> {
  const cells = def.toRow(object as unknown as T, nowMs)
  return Object.fromEntries(def.columns.map((column, i) => [column.name, cells[i]]))
}
