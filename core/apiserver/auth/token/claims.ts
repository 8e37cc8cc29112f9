import { LEGACY_CLAIM_PREFIX, type LegacyClaims } from '../../../pki/legacy-token.ts'

/** Private claims of service account tokens. Source: kubernetes, pkg/serviceaccount/claims.go. */
export interface BoundClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: readonly string[]
  /** Seconds since the epoch. */
  readonly exp: number
  readonly iat: number
  readonly nbf: number
  readonly jti: string
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly serviceaccount: Reference
    readonly pod?: Reference
    readonly secret?: Reference
    readonly node?: Partial<Reference>
    /** A token used after this moment was not refreshed in time; it lives on until `exp` for clients that never reload. */
    readonly warnafter?: number
  }
}

export interface Reference {
  readonly name: string
  readonly uid: string
}

/** Undefined when a claim is missing or of another type. */
export function readLegacyClaims(claims: Readonly<Record<string, unknown>>): LegacyClaims | undefined {
  const text = (name: string): string => textOf(claims[`${LEGACY_CLAIM_PREFIX}/${name}`])
  const [namespace, secretName] = [text('namespace'), text('secret.name')]
  const serviceAccount = { name: text('service-account.name'), uid: text('service-account.uid') }
  if ([namespace, secretName, serviceAccount.name, serviceAccount.uid].includes('')) return undefined
  return { namespace, serviceAccount, secretName }
}

/** What `validate` needs of a bound token; undefined when it was not made for a service account. */
export function readBoundClaims(claims: Readonly<Record<string, unknown>>): BoundClaims | undefined {
  const own = claims['kubernetes.io']
  if (!isRecord(own)) return undefined
  const serviceaccount = referenceOf(own['serviceaccount'])
  const { exp, iat, nbf } = claims
  if (serviceaccount === undefined || typeof own['namespace'] !== 'string' || typeof exp !== 'number') return undefined
  return {
    iss: textOf(claims['iss']),
    sub: textOf(claims['sub']),
    aud: audiencesOf(claims['aud']),
    exp,
    iat: typeof iat === 'number' ? iat : 0,
    nbf: typeof nbf === 'number' ? nbf : 0,
    jti: textOf(claims['jti']),
    'kubernetes.io': { namespace: own['namespace'], serviceaccount, ...optionalReferences(own) },
  }
}

function optionalReferences(
  own: Readonly<Record<string, unknown>>,
): Pick<BoundClaims['kubernetes.io'], 'pod' | 'secret' | 'node' | 'warnafter'> {
  const [pod, secret, node, warnafter] = [referenceOf(own['pod']), referenceOf(own['secret']), referenceOf(own['node']), own['warnafter']]
  return {
    ...(pod !== undefined && { pod }),
    ...(secret !== undefined && { secret }),
    ...(node !== undefined && { node }),
    ...(typeof warnafter === 'number' && { warnafter }),
  }
}

function referenceOf(value: unknown): Reference | undefined {
  return isRecord(value) && typeof value['name'] === 'string' ? { name: value['name'], uid: textOf(value['uid']) } : undefined
}

/** `aud` may be one string or a list. */
function audiencesOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
