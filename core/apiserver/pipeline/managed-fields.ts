import type { FieldSet } from '../../meta/patch/apply/field-set.ts'
import { updateManagedFields } from '../../meta/patch/apply/update.ts'
import type { KubeObject } from '../../meta/object.ts'
import { apiVersionOf } from '../../meta/resource-type.ts'
import type { ResourceDef, Work } from '../resources/resource-def.ts'
import type { WriteContext } from './write-context.ts'

const STATUS: FieldSet = Object.freeze({ 'f:status': {} })
const NOT_STATUS: FieldSet = Object.freeze({ 'f:spec': {} })

type Json = Readonly<Record<string, unknown>>

/**
 * Fields that an endpoint ignores, so nobody comes to own them through it: `status` of a kind with a status subresource on the
 * main resource, `spec` on `status`.
 */
export function resetFieldsOf(def: ResourceDef, subresource: string): FieldSet | undefined {
  if (subresource === 'status') return NOT_STATUS
  return subresource === '' && def.subresources['status'] !== undefined ? STATUS : undefined
}

/** Records who set what. Runs after the kind's preparation and before admission, whose changes belong to nobody. */
export function recordManagers(next: Work<KubeObject>, old: KubeObject | undefined, context: WriteContext): void {
  const { def, options, subresource, nowMs } = context
  const entries = updateManagedFields({
    old: old as unknown as Json | undefined,
    next: next,
    schema: def.schema,
    manager: options.fieldManager,
    apiVersion: apiVersionOf(def),
    subresource,
    resetFields: resetFieldsOf(def, subresource),
    nowMs,
  })
  setManagedFields(next, entries)
}

/** No entries take the field out. */
export function setManagedFields(object: Work<KubeObject>, entries: readonly unknown[] | undefined): void {
  const metadata = object.metadata as Record<string, unknown>
  if (entries === undefined || entries.length === 0) Reflect.deleteProperty(metadata, 'managedFields')
  else metadata['managedFields'] = entries
}
