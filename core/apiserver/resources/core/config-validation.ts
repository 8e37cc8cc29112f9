import type { ConfigMap, Secret } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { type FieldError, forbidden, invalid, required, tooLong } from '../../../meta/field-error.ts'
import { configMapKeyProblems } from '../../../meta/names.ts'
import { checkFormat, checkImmutable, type Problems } from '../validation/common.ts'

/** Bytes of all values together: what a ConfigMap or Secret may hold. */
const MAX_BYTES = 1_048_576
const FROZEN = 'field is immutable when `immutable` is set'

type Data = Readonly<Record<string, string>> | undefined

/** Source: shared validation facts, core/v1 ConfigMap. */
export function validateConfigMap(next: ConfigMap, old: ConfigMap | undefined): readonly FieldError[] {
  const problems: Problems = []
  let bytes = 0
  for (const [key, value] of Object.entries(next.data ?? {})) {
    checkFormat(key, `data[${key}]`, configMapKeyProblems, problems)
    if (next.binaryData?.[key] !== undefined) problems.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'))
    bytes += Buffer.byteLength(value)
  }
  for (const [key, value] of Object.entries(next.binaryData ?? {})) {
    checkFormat(key, `binaryData[${key}]`, configMapKeyProblems, problems)
    bytes += Buffer.byteLength(value, 'base64')
  }
  if (bytes > MAX_BYTES) problems.push(tooLong('', MAX_BYTES))
  if (old?.immutable === true) {
    checkStaysImmutable(next.immutable, problems)
    checkFrozen(next.data, old.data, 'data', problems)
    checkFrozen(next.binaryData, old.binaryData, 'binaryData', problems)
  }
  return problems
}

function checkStaysImmutable(immutable: boolean | undefined, problems: Problems): void {
  if (immutable !== true) problems.push(forbidden('immutable', FROZEN))
}

function checkFrozen(next: Data, old: Data, path: string, problems: Problems): void {
  if (!deepEqual(next ?? {}, old ?? {})) problems.push(forbidden(path, FROZEN))
}

const SERVICE_ACCOUNT = 'kubernetes.io/service-account.name'

/** What the well-known types must hold. Source: Kubernetes documentation, "Types of Secret". */
const TYPE_RULES: Readonly<Record<string, (secret: Secret, problems: Problems) => void>> = {
  'kubernetes.io/service-account-token': ({ metadata }, problems) => {
    if ((metadata.annotations?.[SERVICE_ACCOUNT] ?? '') === '') problems.push(required(`metadata.annotations[${SERVICE_ACCOUNT}]`))
  },
  'kubernetes.io/dockercfg': (secret, problems) => {
    checkJsonKey(secret, '.dockercfg', problems)
  },
  'kubernetes.io/dockerconfigjson': (secret, problems) => {
    checkJsonKey(secret, '.dockerconfigjson', problems)
  },
  'kubernetes.io/basic-auth': ({ data = {} }, problems) => {
    if (data['username'] !== undefined || data['password'] !== undefined) return
    problems.push(required('data[username]'), required('data[password]'))
  },
  'kubernetes.io/ssh-auth': ({ data = {} }, problems) => {
    if ((data['ssh-privatekey'] ?? '') === '') problems.push(required('data[ssh-privatekey]'))
  },
  'kubernetes.io/tls': ({ data = {} }, problems) => {
    for (const key of ['tls.crt', 'tls.key']) if (data[key] === undefined) problems.push(required(`data[${key}]`))
  },
}

function checkJsonKey({ data = {} }: Secret, key: string, problems: Problems): void {
  const value = data[key]
  if (value === undefined) {
    problems.push(required(`data[${key}]`))
    return
  }
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value, 'base64').toString('utf8'))
    if (typeof parsed !== 'object' || Array.isArray(parsed)) throw new Error('json: cannot unmarshal into Go value of type map')
  } catch (err) {
    // The parser's text may quote the value, which must not get out.
    const text = err instanceof Error && err.message.startsWith('json:') ? err.message : 'invalid character in JSON text'
    problems.push(invalid(`data[${key}]`, '<secret contents redacted>', text))
  }
}

/** Source: shared validation facts, core/v1 Secret. */
export function validateSecret(next: Secret, old: Secret | undefined): readonly FieldError[] {
  const problems: Problems = []
  let bytes = 0
  for (const [key, value] of Object.entries(next.data ?? {})) {
    checkFormat(key, `data[${key}]`, configMapKeyProblems, problems)
    bytes += Buffer.byteLength(value, 'base64')
  }
  if (bytes > MAX_BYTES) problems.push(tooLong('data', MAX_BYTES))
  TYPE_RULES[next.type ?? '']?.(next, problems)
  if (old === undefined) return problems
  checkImmutable(next.type, old.type, 'type', problems)
  if (old.immutable === true) {
    checkStaysImmutable(next.immutable, problems)
    checkFrozen(next.data, old.data, 'data', problems)
  }
  return problems
}
