import type { ObjectFieldSelector, ResourceFieldSelector } from '../../../../api/types/core-v1.ts'
import { invalid, notSupported, required } from '../../../../meta/field-error.ts'
import { annotationKeyProblems, qualifiedNameProblems } from '../../../../meta/names.ts'
import { compareQuantity, parseQuantity } from '../../../../meta/quantity.ts'
import { checkFormat, type Problems } from '../../validation/common.ts'

/** Fields of the pod that an environment variable may show. */
export const ENV_FIELDS: readonly string[] = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]
/** Fields that a file in a volume may show. */
export const FILE_FIELDS: readonly string[] = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
]
const KNOWN_FIELDS = new Set([...ENV_FIELDS, ...FILE_FIELDS, 'spec.restartPolicy', 'spec.schedulerName', 'status.phase'])
const SUBSCRIPT = /^(.*)\['(.*)'\]$/

export function checkFieldRef(ref: ObjectFieldSelector, path: string, fields: readonly string[], problems: Problems): void {
  if ((ref.apiVersion ?? '') === '') problems.push(required(`${path}.apiVersion`))
  else if (ref.fieldPath === '') problems.push(required(`${path}.fieldPath`))
  else checkFieldPath(ref, path, fields, problems)
}

function checkFieldPath({ apiVersion, fieldPath }: ObjectFieldSelector, path: string, fields: readonly string[], problems: Problems): void {
  const [, base, key] = SUBSCRIPT.exec(fieldPath) ?? []
  const field = base ?? (fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath)
  const conversion = conversionProblem(apiVersion ?? '', field, key !== undefined, fieldPath)
  if (conversion !== undefined) problems.push(invalid(`${path}.fieldPath`, fieldPath, `error converting fieldPath: ${conversion}`))
  else if (key === undefined) {
    if (!fields.includes(field)) problems.push(notSupported(`${path}.fieldPath`, field, fields))
  } else checkFormat(key, path, field === 'metadata.annotations' ? annotationKeyProblems : qualifiedNameProblems, problems)
}

function conversionProblem(apiVersion: string, field: string, subscripted: boolean, shown: string): string | undefined {
  if (apiVersion !== 'v1') return `unsupported pod version: ${apiVersion}`
  const known = subscripted ? field === 'metadata.annotations' || field === 'metadata.labels' : KNOWN_FIELDS.has(field)
  return known ? undefined : `field label not supported: ${subscripted ? field : shown}`
}

const RESOURCES = ['cpu', 'memory', 'ephemeral-storage'].flatMap((name) => [`limits.${name}`, `requests.${name}`])
const BYTE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']
const byteText = (resource: string): string =>
  `only divisor's values ${BYTE_DIVISORS.join(', ')} are supported with the ${resource} resource`

const DIVISORS: Readonly<Record<string, readonly [readonly string[], string]>> = {
  cpu: [['1m', '1'], "only divisor's values 1m and 1 are supported with the cpu resource"],
  memory: [BYTE_DIVISORS, byteText('memory')],
  'ephemeral-storage': [BYTE_DIVISORS, byteText('local ephemeral storage')],
  hugepages: [BYTE_DIVISORS, byteText('hugepages')],
}

/** `inFile`: a volume has no container of its own, so that the reference must name one. */
export function checkResourceRef(ref: ResourceFieldSelector, path: string, inFile: boolean, problems: Problems): void {
  const { resource } = ref
  if (inFile && (ref.containerName ?? '') === '') problems.push(required(`${path}.containerName`))
  else if (resource === '') problems.push(required(`${path}.resource`))
  else if (!RESOURCES.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource))
    problems.push(notSupported(`${path}.resource`, resource, RESOURCES))
  checkDivisor(ref, path, problems)
}

function checkDivisor({ resource, divisor }: ResourceFieldSelector, path: string, problems: Problems): void {
  const value = parseQuantity(divisor)
  const name = resource.slice(resource.indexOf('.') + 1)
  const rule = DIVISORS[name.startsWith('hugepages-') ? 'hugepages' : name]
  if (value.nano === 0n || rule === undefined) return
  const [allowed, text] = rule
  if (!allowed.some((one) => compareQuantity(parseQuantity(one), value) === 0)) problems.push(invalid(`${path}.divisor`, resource, text))
}
