import type { TopologySelectorTerm } from '../../../api/types/core-v1.ts'
import type { StorageClass, VolumeAttachment, VolumeAttributesClass } from '../../../api/types/storage-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { duplicate, type FieldError, forbidden, invalid, required, tooLong } from '../../../meta/field-error.ts'
import { dns1123SubdomainProblems, qualifiedNameProblems } from '../../../meta/names.ts'
import { checkVolumeSource } from '../core/volume-source-validation.ts'
import { checkNodeAffinity } from '../core/volume-validation.ts'
import { checkDriverName } from '../pod/validate/volume-sources.ts'
import { checkEnum, checkFormat, checkImmutable, checkRequiredEnum, isEmpty, type Problems } from '../validation/common.ts'
import { checkLabelName } from '../validation/labels.ts'

const MAX_PARAMETERS = 512
const MAX_PARAMETER_BYTES = 256 * 1024

type Parameters = Readonly<Record<string, string>> | undefined

function checkParameters(parameters: Parameters, path: string, allowEmpty: boolean, problems: Problems): void {
  const entries = Object.entries(parameters ?? {})
  if (entries.length > MAX_PARAMETERS) problems.push(tooLong(path, MAX_PARAMETERS))
  let bytes = 0
  for (const [key, value] of entries) {
    if (key === '') problems.push(invalid(path, key, 'field can not be empty.'))
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (bytes > MAX_PARAMETER_BYTES) problems.push(tooLong(path, MAX_PARAMETER_BYTES))
  if (!allowEmpty && entries.length === 0) problems.push(required(path, 'must contain at least one key/value pair'))
}

function checkProvisioner(name: string, path: string, problems: Problems): void {
  if (name === '') problems.push(required(path))
  else for (const text of qualifiedNameProblems(name.toLowerCase())) problems.push(invalid(path, name, text))
}

/** Source: shared validation facts, storage.k8s.io/v1 StorageClass. */
export function validateStorageClass(next: StorageClass, old: StorageClass | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkProvisioner(next.provisioner, 'provisioner', problems)
  checkParameters(next.parameters, 'parameters', true, problems)
  checkEnum(next.reclaimPolicy, 'reclaimPolicy', ['Delete', 'Retain'], problems)
  checkRequiredEnum(next.volumeBindingMode, 'volumeBindingMode', ['Immediate', 'WaitForFirstConsumer'], problems)
  next.allowedTopologies?.forEach((term, i) => {
    checkTopology(term, next.allowedTopologies ?? [], `allowedTopologies[${i}]`, problems)
  })
  if (old === undefined) return problems
  for (const field of ['parameters', 'provisioner', 'reclaimPolicy'] as const)
    if (!deepEqual(next[field], old[field])) problems.push(forbidden(field, `updates to ${field} are forbidden.`))
  checkImmutable(next.volumeBindingMode, old.volumeBindingMode, 'volumeBindingMode', problems)
  return problems
}

function checkTopology(term: TopologySelectorTerm, all: readonly TopologySelectorTerm[], path: string, problems: Problems): void {
  const keys = new Set<string>()
  const at = `${path}.matchLabelExpressions`
  term.matchLabelExpressions?.forEach(({ key, values }, i) => {
    if (values.length === 0) problems.push(required(`${at}[${i}].values`))
    values.forEach((value, j) => {
      if (values.indexOf(value) < j) problems.push(duplicate(`${at}[${i}].values[${j}]`, value))
    })
    checkLabelName(key, `${at}[${i}].key`, problems)
    if (keys.has(key)) problems.push(duplicate(`${at}[${i}].key`, key))
    keys.add(key)
  })
  const before = all.slice(0, all.indexOf(term))
  if (before.some((other) => deepEqual(other, term))) problems.push(duplicate(at, ''))
}

/** Source: shared validation facts, storage.k8s.io/v1 VolumeAttributesClass. */
export function validateVolumeAttributesClass(next: VolumeAttributesClass, old: VolumeAttributesClass | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkProvisioner(next.driverName, 'driverName', problems)
  checkParameters(next.parameters, 'parameters', false, problems)
  if (old === undefined) return problems
  for (const field of ['driverName', 'parameters'] as const)
    if (!deepEqual(next[field], old[field])) problems.push(forbidden(field, `updates to ${field} are forbidden.`))
  return problems
}

const ONE_SOURCE = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'
const MAX_METADATA_BYTES = 256 * 1024

/** Source: shared validation facts, storage.k8s.io/v1 VolumeAttachment. */
export function validateVolumeAttachment(next: VolumeAttachment, old: VolumeAttachment | undefined): readonly FieldError[] {
  const problems: Problems = []
  const { attacher, source, nodeName } = next.spec
  if (attacher === '') problems.push(required('spec.attacher'))
  else checkDriverName(attacher, 'spec.attacher', problems)
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = source
  if (inline === undefined && name === undefined) problems.push(required('spec.source', ONE_SOURCE))
  else if (inline !== undefined && name !== undefined) problems.push(forbidden('spec.source', ONE_SOURCE))
  else if (name === '') problems.push(required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName'))
  else if (name !== undefined) checkFormat(name, 'spec.source.persistentVolumeName', dns1123SubdomainProblems, problems)
  if (inline !== undefined) {
    checkNodeAffinity(inline, 'spec.source.inlineVolumeSpec', problems)
    checkVolumeSource(inline, 'spec.source.inlineVolumeSpec', problems)
  }
  checkFormat(nodeName, 'spec.nodeName', dns1123SubdomainProblems, problems)
  checkAttachmentStatus(next.status, problems)
  if (old !== undefined && !deepEqual(next.spec, old.spec)) problems.push(invalid('spec', next.spec, 'field is immutable'))
  return problems
}

function checkAttachmentStatus(status: VolumeAttachment['status'], problems: Problems): void {
  if (!isEmpty(status.attachmentMetadata)) {
    const bytes = Object.entries(status.attachmentMetadata ?? {}).reduce((sum, [key, value]) => sum + key.length + value.length, 0)
    if (bytes > MAX_METADATA_BYTES) problems.push(tooLong('status.attachmentMetadata', MAX_METADATA_BYTES))
  }
  for (const field of ['attachError', 'detachError'] as const)
    if ((status[field]?.message ?? '').length > MAX_METADATA_BYTES) problems.push(tooLong(`status.${field}.message`, MAX_METADATA_BYTES))
}

export function validateVolumeAttachmentStatus({ status }: VolumeAttachment): readonly FieldError[] {
  const problems: Problems = []
  checkAttachmentStatus(status, problems)
  return problems
}
