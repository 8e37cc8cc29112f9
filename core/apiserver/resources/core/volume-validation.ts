import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { type FieldError, forbidden, invalid, notSupported, required } from '../../../meta/field-error.ts'
import { dns1123SubdomainProblems } from '../../../meta/names.ts'
import { compareQuantity, parseQuantity } from '../../../meta/quantity.ts'
import { checkNodeSelector } from '../pod/validate/affinity.ts'
import { difference } from '../pod/validate/update.ts'
import { checkEnum, checkFormat, checkImmutable, POSITIVE, type Problems } from '../validation/common.ts'
import { checkAccessModes, checkClaimSpec, VOLUME_MODES } from './claim-validation.ts'
import { checkVolumeSource, hasSameSource } from './volume-source-validation.ts'

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain']
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

/** Source: shared validation facts, core/v1 PersistentVolume. */
export function validatePersistentVolume({ spec }: PersistentVolume, old: PersistentVolume | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkAccessModes(spec.accessModes, 'spec.accessModes', '', problems)
  checkCapacity(spec.capacity, problems)
  checkEnum(spec.persistentVolumeReclaimPolicy, 'spec.persistentVolumeReclaimPolicy', RECLAIM_POLICIES, problems)
  checkNodeAffinity(spec, 'spec', problems)
  checkVolumeSource(spec, 'spec', problems)
  if (spec.hostPath?.path === '/' && spec.persistentVolumeReclaimPolicy === 'Recycle')
    problems.push(forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"))
  if ((spec.storageClassName ?? '') !== '')
    checkFormat(spec.storageClassName ?? '', 'spec.storageClassName', dns1123SubdomainProblems, problems)
  checkEnum(spec.volumeMode, 'spec.volumeMode', VOLUME_MODES, problems)
  checkAttributesClass(spec, problems)
  if (old !== undefined) checkVolumeUpdate(spec, old.spec, problems)
  return problems
}

function checkCapacity(capacity: Readonly<Record<string, string>> | undefined, problems: Problems): void {
  const names = Object.keys(capacity ?? {})
  if (names.length === 0) problems.push(required('spec.capacity'))
  if (names.length > 0 && (names.length > 1 || names[0] !== 'storage')) problems.push(notSupported('spec.capacity', capacity, ['storage']))
  for (const [name, text] of Object.entries(capacity ?? {}))
    if (parseQuantity(text).nano <= 0n) problems.push(invalid(`spec.capacity[${name}]`, text, POSITIVE))
}

export function checkNodeAffinity(spec: PersistentVolumeSpec, path: string, problems: Problems): void {
  const at = `${path}.nodeAffinity`
  if (spec.nodeAffinity === undefined) {
    if (spec.local !== undefined) problems.push(required(at, 'Local volume requires node affinity'))
  } else if (spec.nodeAffinity.required === undefined) problems.push(required(`${at}.required`, 'must specify required node constraints'))
  else checkNodeSelector(spec.nodeAffinity.required, `${at}.required`, problems)
}

function checkAttributesClass({ volumeAttributesClassName: name, csi }: PersistentVolumeSpec, problems: Problems): void {
  if (name === undefined) return
  if (name === '') problems.push(required('spec.volumeAttributesClassName', 'an empty string is disallowed'))
  else checkFormat(name, 'spec.volumeAttributesClassName', dns1123SubdomainProblems, problems)
  if (csi === undefined) problems.push(required('spec.csi', 'has to be specified when using volumeAttributesClassName'))
}

function checkVolumeUpdate(next: PersistentVolumeSpec, old: PersistentVolumeSpec, problems: Problems): void {
  if (!hasSameSource(next, old))
    problems.push(
      forbidden('spec.persistentvolumesource', `spec.persistentvolumesource is immutable after creation\n${difference(next, old)}`),
    )
  checkImmutable(next.volumeMode, old.volumeMode, 'volumeMode', problems)
  if (old.nodeAffinity !== undefined && !deepEqual(next.nodeAffinity, withGeneralLabels(old, next)))
    problems.push(invalid('spec.nodeAffinity', next.nodeAffinity ?? null, 'field is immutable, except for updating from beta label to GA'))
  if (old.volumeAttributesClassName !== undefined && next.volumeAttributesClassName === undefined)
    problems.push(forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'))
}

const GENERAL_LABELS: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
}

/** The old affinity with the labels' present names wherever the new one uses them. */
function withGeneralLabels(old: PersistentVolumeSpec, next: PersistentVolumeSpec): unknown {
  const text = JSON.stringify(next.nodeAffinity ?? null)
  return JSON.parse(JSON.stringify(old.nodeAffinity), (key, value: unknown) => {
    const general = key === 'key' && typeof value === 'string' ? GENERAL_LABELS[value] : undefined
    return general !== undefined && text.includes(`"${general}"`) ? general : value
  }) as unknown
}

/** Source: shared validation facts, core/v1 PersistentVolumeClaim. */
export function validateClaim(next: PersistentVolumeClaim, old: PersistentVolumeClaim | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkClaimSpec(next.spec, 'spec', problems)
  if (old !== undefined) checkClaimUpdate(next, old, problems)
  return problems
}

const FROZEN_CLAIM = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'

function checkClaimUpdate(next: PersistentVolumeClaim, old: PersistentVolumeClaim, problems: Problems): void {
  const rest = withOldMutables(next, old)
  if (!deepEqual(rest, old.spec)) problems.push(forbidden('spec', `${FROZEN_CLAIM}\n${difference(rest, old.spec)}`))
  const annotation = `metadata.annotations.${CLASS_ANNOTATION}`
  checkImmutable(
    next.metadata.annotations?.[CLASS_ANNOTATION] ?? '',
    old.metadata.annotations?.[CLASS_ANNOTATION] ?? '',
    annotation,
    problems,
  )
  checkSize(next, old, problems)
  checkImmutable(next.spec.volumeMode, old.spec.volumeMode, 'volumeMode', problems)
  const [before, after] = [old.spec.volumeAttributesClassName, next.spec.volumeAttributesClassName]
  if (old.status.currentVolumeAttributesClassName !== undefined && before !== undefined && (after ?? '') === '')
    problems.push(
      forbidden(
        'spec.volumeAttributesClassName',
        `update to ${after === undefined ? 'nil' : 'empty string'} is forbidden when status.currentVolumeAttributesClassName is not nil`,
      ),
    )
}

/** The new spec with what may change put back: the volume once, size and attributes when bound, a class where none was. */
function withOldMutables({ spec, status }: PersistentVolumeClaim, old: PersistentVolumeClaim): PersistentVolumeClaim['spec'] {
  const bound = status.phase === 'Bound' || old.status.phase === 'Bound'
  const size = old.spec.resources.requests?.['storage']
  return {
    ...spec,
    ...((old.spec.volumeName ?? '') === '' && { volumeName: old.spec.volumeName }),
    ...(old.spec.storageClassName === undefined && { storageClassName: undefined }),
    ...(bound && { volumeAttributesClassName: old.spec.volumeAttributesClassName }),
    ...(bound && size !== undefined && { resources: { ...spec.resources, requests: { ...spec.resources.requests, storage: size } } }),
  }
}

/** A claim may shrink back while it is being expanded, never below what it has. */
function checkSize(next: PersistentVolumeClaim, old: PersistentVolumeClaim, problems: Problems): void {
  const size = parseQuantity(next.spec.resources.requests?.['storage'])
  if (compareQuantity(size, parseQuantity(old.spec.resources.requests?.['storage'])) >= 0) return
  const capacity = old.status.capacity?.['storage']
  if (capacity !== undefined && compareQuantity(size, parseQuantity(capacity)) <= 0)
    problems.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'))
}
