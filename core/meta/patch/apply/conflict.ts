import { StatusError } from '../../status-error.ts'
import { difference, type FieldSet, intersection, isEmptySet, members } from './field-set.ts'
import type { Manager } from './managers.ts'
import { pathText } from './path-element.ts'

/** Fields that an applier wants to change and `manager` owns. */
export interface Conflict {
  readonly manager: Manager
  readonly fields: FieldSet
}

/** Fields in `changed` that other managers own, by manager. */
export function conflictsWith(others: readonly Manager[], changed: FieldSet): readonly Conflict[] {
  const conflicts: Conflict[] = []
  for (const manager of others) {
    const fields = intersection(manager.fields, changed)
    if (!isEmptySet(fields)) conflicts.push({ manager, fields })
  }
  return conflicts.sort((a, b) => (describe(a.manager) < describe(b.manager) ? -1 : 1))
}

/** What is left of the conflicts after some fields were allowed. */
export function withoutFields(conflicts: readonly Conflict[], allowed: FieldSet): readonly Conflict[] {
  return conflicts
    .map(({ manager, fields }) => ({ manager, fields: difference(fields, allowed) }))
    .filter(({ fields }) => !isEmptySet(fields))
}

/** 409 with one cause per field, in the words that kubectl shows. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const all = conflicts.flatMap(({ manager, fields }) =>
    [...members(fields)].map((path) => ({ manager: describe(manager), path: pathText(path) })),
  )
  const causes = all.map(({ manager, path }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field: path }))
  return new StatusError('Conflict', messageOf(all), { causes })
}

function messageOf(all: readonly { readonly manager: string; readonly path: string }[]): string {
  const [only] = all
  if (all.length === 1 && only !== undefined) return `Apply failed with 1 conflict: conflict with ${only.manager}: ${only.path}`
  const lines: string[] = []
  let last: string | undefined
  for (const { manager, path } of all) {
    if (manager !== last) lines.push(`conflicts with ${manager}:`)
    lines.push(`- ${path}`)
    last = manager
  }
  return `Apply failed with ${all.length} conflicts: ${lines.join('\n')}`
}

function describe({ name, subresource, operation, apiVersion }: Manager): string {
  const text = subresource === '' ? JSON.stringify(name) : `${JSON.stringify(name)} with subresource ${JSON.stringify(subresource)}`
  return operation === 'Update' ? `${text} using ${apiVersion}` : text
}
