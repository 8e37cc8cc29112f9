import type { PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { forbidden, invalid, notSupported, required } from '../../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems } from '../../../meta/names.ts'
import { parseQuantity } from '../../../meta/quantity.ts'
import { checkEnum, checkFormat, POSITIVE, type Problems } from '../validation/common.ts'
import { checkLabelSelector, checkLabels } from '../validation/labels.ts'

export const ACCESS_MODES: readonly string[] = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const EXCLUSIVE_MODE = 'ReadWriteOncePod'
export const VOLUME_MODES: readonly string[] = ['Block', 'Filesystem']

/** Access modes of claims and volumes alike; `text` explains an empty list. */
export function checkAccessModes(modes: readonly string[] | undefined, path: string, text: string, problems: Problems): void {
  if (modes === undefined || modes.length === 0) problems.push(required(path, text))
  for (const mode of modes ?? []) if (!ACCESS_MODES.includes(mode)) problems.push(notSupported(path, mode, ACCESS_MODES))
  if (modes !== undefined && modes.length > 1 && modes.includes(EXCLUSIVE_MODE))
    problems.push(forbidden(path, 'may not use ReadWriteOncePod with other access modes'))
}

export function checkClaimSpec(spec: PersistentVolumeClaimSpec, path: string, problems: Problems): void {
  checkAccessModes(spec.accessModes, `${path}.accessModes`, 'at least 1 access mode is required', problems)
  checkLabelSelector(spec.selector, `${path}.selector`, problems)
  const size = spec.resources.requests?.['storage']
  if (size === undefined) problems.push(required(`${path}.resources[storage]`))
  else if (parseQuantity(size).nano <= 0n) problems.push(invalid(`${path}.resources[storage]`, size, POSITIVE))
  const storageClass = spec.storageClassName ?? ''
  if (storageClass !== '') checkFormat(storageClass, `${path}.storageClassName`, dns1123SubdomainProblems, problems)
  checkEnum(spec.volumeMode, `${path}.volumeMode`, VOLUME_MODES, problems)
  checkDataSources(spec, path, problems)
  const attributes = spec.volumeAttributesClassName ?? ''
  if (attributes !== '') checkFormat(attributes, `${path}.volumeAttributesClassName`, dns1123SubdomainProblems, problems)
}

function checkDataSources({ dataSource, dataSourceRef }: PersistentVolumeClaimSpec, path: string, problems: Problems): void {
  if (dataSource !== undefined) checkSource(dataSource, `${path}.dataSource`, problems)
  if (dataSourceRef === undefined) return
  checkSource(dataSourceRef, `${path}.dataSourceRef`, problems)
  const namespace = dataSourceRef.namespace ?? ''
  if (namespace !== '') {
    checkFormat(namespace, `${path}.dataSourceRef.namespace`, dns1123LabelProblems, problems)
    if (dataSource !== undefined)
      problems.push(invalid(path, path.slice(path.lastIndexOf('.') + 1), 'may not be specified when dataSourceRef.namespace is specified'))
  } else if (dataSource !== undefined && !matches(dataSource, dataSourceRef))
    problems.push(invalid(path, path.slice(path.lastIndexOf('.') + 1), 'must match dataSourceRef'))
}

interface Source {
  readonly apiGroup?: string | undefined | null
  readonly kind: string
  readonly name: string
}

const matches = (a: Source, b: Source): boolean => deepEqual([a.apiGroup ?? '', a.kind, a.name], [b.apiGroup ?? '', b.kind, b.name])

function checkSource({ apiGroup, kind, name }: Source, path: string, problems: Problems): void {
  if (name === '') problems.push(required(`${path}.name`))
  if (kind === '') problems.push(required(`${path}.kind`))
  const group = apiGroup ?? ''
  if (group === '' && kind !== 'PersistentVolumeClaim')
    problems.push(invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"))
  if (group !== '') checkFormat(group, `${path}.apiGroup`, dns1123SubdomainProblems, problems)
}

/** A claim written into a pod: its spec, and of its metadata labels and annotations only. */
export function checkClaimTemplate({ metadata, spec }: PersistentVolumeClaimTemplate, path: string, problems: Problems): void {
  checkLabels(metadata.labels, `${path}.metadata.labels`, problems)
  for (const field of Object.keys(metadata))
    if (field !== 'labels' && field !== 'annotations' && isSet((metadata as object as Record<string, unknown>)[field]))
      problems.push(forbidden(`${path}.metadata.${field}`, 'cannot be set'))
  checkClaimSpec(spec, `${path}.spec`, problems)
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== ''
