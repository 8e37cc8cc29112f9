import type { DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, VolumeProjection } from '../../../../api/types/core-v1.ts'
import { forbidden, invalid, notSupported, required } from '../../../../meta/field-error.ts'
import { dns1123SubdomainProblems } from '../../../../meta/names.ts'
import { checkFormat, checkRequired, type Problems } from '../../validation/common.ts'
import { checkLabelSelector } from '../../validation/labels.ts'
import { checkFieldRef, checkResourceRef, FILE_FIELDS } from './downward.ts'
import { checkMode, checkUnreserved } from './paths.ts'

const MIN_TOKEN_SECONDS = 600
const MAX_TOKEN_SECONDS = 2 ** 32
const CERTIFICATE_KEYS = ['ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519', 'RSA3072', 'RSA4096']
const MIN_CERTIFICATE_SECONDS = 3_600
const MAX_CERTIFICATE_SECONDS = 91 * 24 * 3_600

export function checkKeysToPaths(items: readonly KeyToPath[], path: string, problems: Problems): void {
  items.forEach((item, i) => {
    const at = `${path}[${i}]`
    checkRequired(item.key, `${at}.key`, problems)
    checkFilePath(item.path, `${at}.path`, problems)
    checkMode(item.mode, `${at}.mode`, problems)
  })
}

function checkFilePath(file: string, path: string, problems: Problems): void {
  if (file === '') problems.push(required(path))
  else checkUnreserved(file, path, problems)
}

/** NOTE: problems of the files are reported under the source, without their index, as Kubernetes does. */
export function checkDownwardFiles(files: readonly DownwardAPIVolumeFile[], path: string, problems: Problems): void {
  for (const file of files) {
    checkFilePath(file.path, `${path}.path`, problems)
    if (file.fieldRef !== undefined) {
      checkFieldRef(file.fieldRef, `${path}.fieldRef`, FILE_FIELDS, problems)
      if (file.resourceFieldRef !== undefined)
        problems.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'))
    } else if (file.resourceFieldRef !== undefined) checkResourceRef(file.resourceFieldRef, `${path}.resourceFieldRef`, true, problems)
    else problems.push(required(path, 'one of fieldRef and resourceFieldRef is required'))
    checkMode(file.mode, `${path}.mode`, problems)
  }
}

/** Several sources in one directory; no two may write one file. */
export function checkProjected(projected: ProjectedVolumeSource, path: string, problems: Problems): void {
  checkMode(projected.defaultMode, `${path}.defaultMode`, problems)
  const written = new Set<string>()
  projected.sources.forEach((source, i) => {
    checkProjection(source, path, `${path}.sources[${i}]`, problems)
    for (const [file, owner] of filesOf(source)) {
      if (written.has(file)) problems.push(invalid(path, owner, 'conflicting duplicate paths'))
      written.add(file)
    }
  })
}

const PROJECTIONS = ['secret', 'configMap', 'downwardAPI', 'serviceAccountToken', 'clusterTrustBundle', 'podCertificate'] as const

function checkProjection(source: VolumeProjection, volumePath: string, path: string, problems: Problems): void {
  const kinds = PROJECTIONS.filter((kind) => source[kind] !== undefined)
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source
  if (secret !== undefined) checkNamed(secret, `${path}.secret`, problems)
  if (configMap !== undefined) checkNamed(configMap, `${path}.configMap`, problems)
  if (downwardAPI?.items !== undefined) checkDownwardFiles(downwardAPI.items, `${path}.downwardAPI`, problems)
  if (serviceAccountToken !== undefined) checkToken(serviceAccountToken, volumePath, `${path}.serviceAccountToken`, problems)
  if (clusterTrustBundle !== undefined) checkTrustBundle(clusterTrustBundle, `${path}.clusterTrustBundle`, problems)
  if (podCertificate !== undefined) checkCertificate(podCertificate, `${path}.podCertificate`, problems)
  if (kinds.length > 1) problems.push(forbidden(path, 'may not specify more than 1 volume type per source'))
}

interface Named {
  readonly name?: string | undefined
  readonly items?: readonly KeyToPath[] | undefined
}

function checkNamed({ name, items }: Named, path: string, problems: Problems): void {
  checkRequired(name, `${path}.name`, problems)
  if (items !== undefined) checkKeysToPaths(items, path, problems)
}

type Token = NonNullable<VolumeProjection['serviceAccountToken']>

function checkToken({ expirationSeconds, path: file }: Token, volumePath: string, path: string, problems: Problems): void {
  const at = `${path}.expirationSeconds`
  if (expirationSeconds !== undefined && expirationSeconds < MIN_TOKEN_SECONDS)
    problems.push(invalid(at, expirationSeconds, 'may not specify a duration less than 10 minutes'))
  if (expirationSeconds !== undefined && expirationSeconds > MAX_TOKEN_SECONDS)
    problems.push(invalid(at, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'))
  checkFilePath(file, `${volumePath}.path`, problems)
}

type TrustBundle = NonNullable<VolumeProjection['clusterTrustBundle']>

function checkTrustBundle(bundle: TrustBundle, path: string, problems: Problems): void {
  const { name, signerName, labelSelector } = bundle
  if (name !== undefined && signerName !== undefined) problems.push(invalid(path, bundle, 'only one of name and signerName may be used'))
  else if (name !== undefined) {
    if (name === '') problems.push(required(`${path}.name`, 'must be a valid object name'))
    for (const text of dns1123SubdomainProblems(name.replaceAll(':', '.')))
      problems.push(invalid(`${path}.name`, name, `not a valid clustertrustbundlename: ${text}`))
    if (labelSelector !== undefined)
      problems.push(invalid(`${path}.labelSelector`, labelSelector, 'labelSelector must be unset if name is specified'))
  } else if (signerName !== undefined) {
    if (signerName === '') problems.push(required(`${path}.signerName`, 'must be a valid signer name'))
    checkLabelSelector(labelSelector, `${path}.labelSelector`, problems)
  } else problems.push(required(path, 'either name or signerName must be specified'))
  checkFilePath(bundle.path, `${path}.path`, problems)
}

type Certificate = NonNullable<VolumeProjection['podCertificate']>

function checkCertificate(certificate: Certificate, path: string, problems: Problems): void {
  const { signerName = '', keyType = '', maxExpirationSeconds: seconds } = certificate
  checkFormat(signerName.split('/')[0] ?? '', `${path}.signerName`, dns1123SubdomainProblems, problems)
  if (!CERTIFICATE_KEYS.includes(keyType)) problems.push(notSupported(`${path}.keyType`, keyType, CERTIFICATE_KEYS))
  const at = `${path}.maxExpirationSeconds`
  if (seconds !== undefined && seconds < MIN_CERTIFICATE_SECONDS)
    problems.push(invalid(at, seconds, `if provided, maxExpirationSeconds must be >= ${MIN_CERTIFICATE_SECONDS}`))
  if (seconds !== undefined && seconds > MAX_CERTIFICATE_SECONDS)
    problems.push(invalid(at, seconds, `if provided, maxExpirationSeconds must be <= ${MAX_CERTIFICATE_SECONDS}`))
  const files = ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const
  const named = files.filter((field) => (certificate[field] ?? '') !== '')
  if (named.length === 0) problems.push(required(path, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'))
  for (const field of named) checkUnreserved(certificate[field] ?? '', `${path}.${field}`, problems)
}

/** Files that a source writes by name, each with what to show when it is taken. */
function filesOf(source: VolumeProjection): (readonly [string, string])[] {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source
  const single = [serviceAccountToken?.path, clusterTrustBundle?.path, podCertificate?.credentialBundlePath, podCertificate?.keyPath]
  return [
    ...(secret?.items ?? []).map(({ path }) => [path, secret?.name ?? ''] as const),
    ...(configMap?.items ?? []).map(({ path }) => [path, configMap?.name ?? ''] as const),
    ...(downwardAPI?.items ?? []).map(({ path }) => [path, path] as const),
    ...single.flatMap((path) => ((path ?? '') === '' ? [] : [[path ?? '', path ?? ''] as const])),
  ]
}
