import { type FieldError, forbidden, invalid, required, tooLong } from '../../meta/field-error.ts'
import {
  annotationKeyProblems,
  dns1123LabelProblems,
  labelValueProblems,
  maskTrailingDash,
  qualifiedNameProblems,
} from '../../meta/names.ts'
import type { KubeObject, ObjectMetaLike, OwnerReferenceLike } from '../../meta/object.ts'
import type { ResourceDef } from '../resources/resource-def.ts'

const MAX_ANNOTATION_BYTES = 256 * 1024
const MAX_SUBRESOURCE_LENGTH = 256

interface ManagedEntry {
  readonly operation?: string
  readonly fieldsType?: string
  readonly subresource?: string
  readonly manager?: string
}

type Metadata = ObjectMetaLike & { readonly managedFields?: readonly ManagedEntry[] | undefined }

/**
 * The rules of `metadata` that hold for every kind. Source: apimachinery, api/validation/objectmeta.go; shared
 * validation facts, kinds `*`.
 */
export function metadataErrors(def: ResourceDef, metadata: Metadata): FieldError[] {
  const errors: FieldError[] = []
  if (metadata.generateName !== undefined && metadata.generateName !== '') {
    const problem = def.nameProblem(maskTrailingDash(metadata.generateName))
    if (problem !== undefined) errors.push(invalid('metadata.generateName', metadata.generateName, problem))
  }
  if (metadata.name === '') errors.push(required('metadata.name', 'name or generateName is required'))
  else {
    const problem = def.nameProblem(metadata.name)
    if (problem !== undefined) errors.push(invalid('metadata.name', metadata.name, problem))
  }
  namespaceErrors(def.namespaced, metadata.namespace ?? '', errors)
  if (metadata.generation !== undefined && metadata.generation < 0)
    errors.push(invalid('metadata.generation', metadata.generation, 'must be greater than or equal to 0'))
  labelErrors(metadata.labels, errors)
  annotationErrors(metadata.annotations, errors)
  ownerErrors(metadata.ownerReferences, errors)
  finalizerErrors(metadata.finalizers, errors)
  managedFieldsErrors(metadata.managedFields, errors)
  return errors
}

/** What an update may not do to `metadata`, beyond the rules above. */
export function metadataUpdateErrors(def: ResourceDef, next: KubeObject, old: KubeObject): FieldError[] {
  const errors = metadataErrors(def, next.metadata)
  const [after, before] = [next.metadata, old.metadata]
  if (before.deletionTimestamp !== undefined) newFinalizerErrors(after.finalizers ?? [], before.finalizers ?? [], errors)
  if ((after.generation ?? 0) < (before.generation ?? 0))
    errors.push(invalid('metadata.generation', after.generation ?? 0, 'must not be decremented'))
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const)
    if (after[field] !== before[field]) errors.push(invalid(`metadata.${field}`, after[field] ?? null, 'field is immutable'))
  return errors
}

function namespaceErrors(namespaced: boolean, namespace: string, errors: FieldError[]): void {
  if (!namespaced) {
    if (namespace !== '') errors.push(forbidden('metadata.namespace', 'not allowed on this type'))
  } else if (namespace === '') errors.push(required('metadata.namespace'))
  else for (const problem of dns1123LabelProblems(namespace)) errors.push(invalid('metadata.namespace', namespace, problem))
}

function labelErrors(labels: ObjectMetaLike['labels'], errors: FieldError[]): void {
  const path = 'metadata.labels'
  for (const key in labels) {
    for (const problem of qualifiedNameProblems(key)) errors.push(invalid(path, key, problem))
    const value = labels[key] ?? ''
    for (const problem of labelValueProblems(value)) errors.push(invalid(path, value, problem))
  }
}

function annotationErrors(annotations: ObjectMetaLike['annotations'], errors: FieldError[]): void {
  let bytes = 0
  for (const key in annotations) {
    for (const problem of annotationKeyProblems(key)) errors.push(invalid('metadata.annotations', key, problem))
    bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] ?? '')
  }
  if (bytes > MAX_ANNOTATION_BYTES) errors.push(tooLong('metadata.annotations', MAX_ANNOTATION_BYTES))
}

function ownerErrors(references: readonly OwnerReferenceLike[] | undefined, errors: FieldError[]): void {
  let controller: string | undefined
  for (const [index, reference] of (references ?? []).entries()) {
    const path = `metadata.ownerReferences[${index}]`
    const version = reference.apiVersion.slice(reference.apiVersion.indexOf('/') + 1)
    if (version === '') errors.push(invalid(`${path}.apiVersion`, reference.apiVersion, 'version must not be empty'))
    for (const field of ['kind', 'name', 'uid'] as const)
      if (reference[field] === '') errors.push(invalid(`${path}.${field}`, '', 'must not be empty'))
    if (reference.apiVersion === 'v1' && reference.kind === 'Event')
      errors.push(invalid(path, reference, '/v1, Kind=Event is disallowed from being an owner'))
    if (reference.controller !== true) continue
    if (controller !== undefined)
      errors.push(
        invalid(
          'metadata.ownerReferences',
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${reference.name}`,
        ),
      )
    controller = reference.name
  }
}

const ORPHAN = 'orphan'
const FOREGROUND = 'foregroundDeletion'

function finalizerErrors(finalizers: readonly string[] | undefined, errors: FieldError[]): void {
  if (finalizers === undefined) return
  finalizers.forEach((name, index) => {
    for (const problem of qualifiedNameProblems(name)) errors.push(invalid(`metadata.finalizers[${index}]`, name, problem))
  })
  if (finalizers.includes(ORPHAN) && finalizers.includes(FOREGROUND))
    errors.push(invalid('metadata.finalizers', finalizers, `finalizer ${ORPHAN} and ${FOREGROUND} cannot be both set`))
}

function newFinalizerErrors(after: readonly string[], before: readonly string[], errors: FieldError[]): void {
  const fresh = after.filter((name) => !before.includes(name))
  if (fresh.length === 0) return
  const shown = fresh.map((name) => JSON.stringify(name)).join(', ')
  errors.push(
    forbidden(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${shown}}`,
    ),
  )
}

function managedFieldsErrors(entries: readonly ManagedEntry[] | undefined, errors: FieldError[]): void {
  for (const [index, entry] of (entries ?? []).entries()) {
    const path = `metadata.managedFields[${index}]`
    if (entry.operation !== 'Apply' && entry.operation !== 'Update')
      errors.push(invalid(`${path}.operation`, entry.operation ?? '', 'must be `Apply` or `Update`'))
    if (entry.fieldsType !== undefined && entry.fieldsType !== '' && entry.fieldsType !== 'FieldsV1')
      errors.push(invalid(`${path}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`'))
    if ((entry.subresource ?? '').length > MAX_SUBRESOURCE_LENGTH) errors.push(tooLong(`${path}.subresource`, MAX_SUBRESOURCE_LENGTH))
  }
}

/**
 * Owner references that stand twice are cut to one in place. Returns the warning that says so, if any.
 * Source: apiserver, endpoints/handlers, deduplication of owner references.
 */
export function dedupeOwnerReferences(metadata: { ownerReferences?: OwnerReferenceLike[] | undefined }): string | undefined {
  const references = metadata.ownerReferences
  if (references === undefined || references.length < 2) return undefined
  const seen = new Set<string>()
  const unique = references.filter((reference) => {
    const { apiVersion, kind, name, uid, controller, blockOwnerDeletion } = reference
    const key = JSON.stringify([apiVersion, kind, name, uid, controller, blockOwnerDeletion])
    return !seen.has(key) && seen.add(key)
  })
  if (unique.length === references.length) return undefined
  metadata.ownerReferences = unique
  return '.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: '.concat(
    [...duplicateUids(references)].join(', '),
  )
}

function duplicateUids(references: readonly OwnerReferenceLike[]): Set<string> {
  return new Set(references.filter((a, i) => references.some((b, j) => j < i && b.uid === a.uid)).map(({ uid }) => uid))
}
