import { decodeObject } from '../../meta/decode/decode.ts'
import { type FieldSelector, matchesFields, parseFieldSelector, requiredFieldValue } from '../../meta/field-selector.ts'
import type { KubeObject } from '../../meta/object.ts'
import { matchesLabels, parseLabelSelector, type Selector } from '../../meta/selector.ts'
import type { Entry } from '../cache/cache.ts'
import { badRequest } from '../errors.ts'
import { objectOf } from '../output/view.ts'
import type { ResourceDef } from '../resources/resource-def.ts'

/** What a list, watch or deletecollection is about. */
export interface Selection {
  readonly namespaced: boolean
  /** Empty: all namespaces, or a cluster-scoped kind. */
  readonly namespace: string
  /** The one name that can match, when the field selector says so. */
  readonly name: string | undefined
  /** Absent: everything in the namespace matches. */
  readonly matches: ((entry: Entry) => boolean) | undefined
  /** Any selector was given: no remaining item count. */
  readonly isNarrowed: boolean
}

/** Throws StatusError BadRequest for selectors that cannot be read or name unknown fields. */
export function selectionOf(def: ResourceDef, namespace: string, query: URLSearchParams): Selection {
  const labels = query.get('labelSelector') ?? ''
  const fields = query.get('fieldSelector') ?? ''
  if (labels === '' && fields === '')
    return { namespaced: def.namespaced, namespace, name: undefined, matches: undefined, isNarrowed: false }
  const labelSelector = parseLabelSelector(labels)
  const fieldSelector = fields === '' ? [] : checked(def, parseFieldSelector(fields))
  const wantedNamespace = requiredFieldValue(fieldSelector, 'metadata.namespace')
  const isElsewhere = namespace !== '' && wantedNamespace !== undefined && wantedNamespace !== namespace
  return {
    namespaced: def.namespaced,
    namespace: namespace === '' && def.namespaced ? (wantedNamespace ?? '') : namespace,
    name: requiredFieldValue(fieldSelector, 'metadata.name'),
    matches: isElsewhere ? () => false : matcher(def, labelSelector, fieldSelector),
    isNarrowed: true,
  }
}

function matcher(def: ResourceDef, labels: Selector, fields: FieldSelector): (entry: Entry) => boolean {
  if (fields.length === 0) return (entry) => matchesLabels(labels, entry.labels)
  return (entry) => matchesLabels(labels, entry.labels) && matchesFields(fields, (field) => fieldOf(def, entry, field))
}

function fieldOf(def: ResourceDef, entry: Entry, field: string): string | undefined {
  if (field === 'metadata.name') return entry.name
  if (field === 'metadata.namespace') return entry.namespace
  if (def.conversion === undefined) return entry.fields?.[field]
  // NOTE: a version that somebody else makes is not made to be looked through; the stored object answers for it.
  const object = def.conversion.remote === undefined ? objectOf(def, entry) : entry.object()
  return def.selectableFields?.(object)[field]
}

const knownFields = new WeakMap<ResourceDef, ReadonlySet<string>>()

function fieldsOf(def: ResourceDef): ReadonlySet<string> {
  let known = knownFields.get(def)
  if (known === undefined) {
    // The values of an empty object tell the names.
    const empty = decodeObject({ metadata: {} }, def.schema).object as unknown as KubeObject
    known = new Set(['metadata.name', 'metadata.namespace', ...Object.keys(def.selectableFields?.(empty) ?? {})])
    knownFields.set(def, known)
  }
  return known
}

function checked(def: ResourceDef, selector: FieldSelector): FieldSelector {
  const known = fieldsOf(def)
  for (const { field } of selector) if (!known.has(field)) throw badRequest(unknownField(def, field))
  return selector
}

/** Kinds with fields of their own name only the field; Job has a text of its own. Source: shared facts, selectable-fields. */
function unknownField(def: ResourceDef, field: string): string {
  if (def.kind === 'Job' && def.group === 'batch') return `field label "${field}" not supported for Job`
  if (def.selectableFields !== undefined) return `field label not supported: ${field}`
  return `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`
}
