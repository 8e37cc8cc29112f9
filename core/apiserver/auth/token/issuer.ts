import { randomUUID } from 'node:crypto'
import type { TokenRequest, TokenRequestSpec } from '../../../api/types/authentication-v1.ts'
import type { Node, Pod, Secret, ServiceAccount } from '../../../api/types/core-v1.ts'
import { type FieldError, invalid } from '../../../meta/field-error.ts'
import type { Draft } from '../../../meta/object.ts'
import { type Clock, toTimestamp } from '../../../runtime/clock.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import { badRequest, conflict, invalidObject, notFound } from '../../errors.ts'
import { serviceAccountUser } from '../users.ts'
import type { BoundClaims, Reference } from './claims.ts'

const DEFAULT_EXPIRATION_SECONDS = 3600
const MIN_EXPIRATION_SECONDS = 600
const ONE_YEAR_SECONDS = 365 * 24 * 3600
const MAX_SECONDS = 2 ** 32
/** What the admission plugin writes into pods; clients so old that they never reload the file get a year instead of an hour. */
const PROJECTED_EXPIRATION_SECONDS = 3607
const CORE = (resource: string): { readonly group: string; readonly resource: string } => ({ group: '', resource })

export interface TokenIssuerDeps {
  readonly sign: (claims: object) => string
  readonly issuer: string
  /** Audiences of tokens for which none are asked: the server itself. */
  readonly audiences: readonly string[]
  readonly reader: ObjectReader
  readonly clock: Clock
  /** Longer requests are shortened, with a warning; tokens of Secrets are not. Default one year. */
  readonly maxExpirationSeconds?: number
}

export interface TokenOrder {
  readonly namespace: string
  readonly serviceAccount: string
  readonly request: Draft<TokenRequest>
  readonly warn: (message: string) => void
}

/** Answers `POST serviceaccounts/NAME/token`. Throws StatusError. Source: kubernetes, registry/core/serviceaccount/storage/token.go. */
export function createTokenIssuer(deps: TokenIssuerDeps): (order: TokenOrder) => TokenRequest {
  return (order) => {
    const { namespace, serviceAccount: name, request } = order
    const account = deps.reader.get<ServiceAccount>(CORE('serviceaccounts'), namespace, name)
    if (account === undefined) throw notFound(CORE('serviceaccounts'), name)
    checkName(request, order)
    const spec = withDefaults(request.spec, deps.audiences)
    const problems = validate(spec)
    if (problems.length > 0) throw invalidObject({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', problems)
    const nowMs = deps.clock.now()
    const bound = boundObject(spec, account, deps.reader)
    // NOTE: a token that lives in a Secret ends with it and is never asked for again, so it may live as long.
    const maxSeconds = bound.secret === undefined ? (deps.maxExpirationSeconds ?? ONE_YEAR_SECONDS) : MAX_SECONDS
    const seconds = shorten(spec.expirationSeconds, maxSeconds, order.warn)
    const token = deps.sign(claimsFor({ deps, account, spec, seconds, bound, nowMs }))
    return {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name, namespace, uid: '', resourceVersion: '', creationTimestamp: toTimestamp(nowMs) },
      spec: { ...spec, expirationSeconds: seconds },
      status: { token, expirationTimestamp: toTimestamp(nowMs + seconds * 1000) },
    }
  }
}

interface ClaimInput {
  readonly deps: TokenIssuerDeps
  readonly account: ServiceAccount
  readonly spec: TokenRequestSpec
  readonly seconds: number
  readonly bound: BoundReferences
  readonly nowMs: number
}

function claimsFor({ deps, account, spec, seconds, bound, nowMs }: ClaimInput): BoundClaims {
  const now = Math.floor(nowMs / 1000)
  const { name, namespace = '', uid } = account.metadata
  const isForServer = spec.audiences.every((item) => deps.audiences.includes(item))
  const isExtended = seconds === PROJECTED_EXPIRATION_SECONDS && bound.pod !== undefined && isForServer
  return {
    aud: spec.audiences,
    exp: now + (isExtended ? ONE_YEAR_SECONDS : seconds),
    iat: now,
    iss: deps.issuer,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace,
      ...bound,
      serviceaccount: { name, uid },
      ...(isExtended && { warnafter: now + seconds }),
    },
    nbf: now,
    sub: serviceAccountUser(namespace, name),
  }
}

function checkName(request: Draft<TokenRequest>, { namespace, serviceAccount }: TokenOrder): void {
  const given = request.metadata
  if (given?.name !== undefined && given.name !== '' && given.name !== serviceAccount) {
    throw badRequest('the service account name in the url must match the name in the request')
  }
  if (given?.namespace !== undefined && given.namespace !== '' && given.namespace !== namespace) {
    throw badRequest('the service account namespace in the url must match the namespace in the request')
  }
}

function withDefaults(spec: Draft<TokenRequestSpec> | undefined, audiences: readonly string[]): TokenRequestSpec {
  const wanted = (spec?.audiences ?? []).filter((audience) => typeof audience === 'string')
  return {
    audiences: wanted.length > 0 ? wanted : audiences,
    expirationSeconds: spec?.expirationSeconds ?? DEFAULT_EXPIRATION_SECONDS,
    boundObjectRef: spec?.boundObjectRef ?? (null as unknown as TokenRequestSpec['boundObjectRef']),
  }
}

function validate({ expirationSeconds }: TokenRequestSpec): readonly FieldError[] {
  const field = 'spec.expirationSeconds'
  if (expirationSeconds < MIN_EXPIRATION_SECONDS) {
    return [invalid(field, expirationSeconds, 'may not specify a duration less than 10 minutes')]
  }
  if (expirationSeconds > MAX_SECONDS) return [invalid(field, expirationSeconds, 'may not specify a duration larger than 2^32 seconds')]
  return []
}

function shorten(seconds: number, maxSeconds: number, warn: (message: string) => void): number {
  if (seconds <= maxSeconds) return seconds
  warn(`requested expiration of ${seconds} seconds shortened to ${maxSeconds} seconds`)
  return maxSeconds
}

type BoundReferences = Pick<BoundClaims['kubernetes.io'], 'pod' | 'secret' | 'node'>

function boundObject(spec: TokenRequestSpec, account: ServiceAccount, reader: ObjectReader): BoundReferences {
  const ref = spec.boundObjectRef as TokenRequestSpec['boundObjectRef'] | null
  if (ref === null) return {}
  const { apiVersion = '', kind = '', name = '' } = ref
  const { namespace = '' } = account.metadata
  switch (`${apiVersion}/${kind}`) {
    case 'v1/Pod': {
      const pod = found(reader.get<Pod>(CORE('pods'), namespace, name), 'pods', name)
      if (pod.spec.serviceAccountName !== account.metadata.name) {
        throw badRequest(
          `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to pod running with different serviceaccount name.`,
        )
      }
      return { pod: reference(pod, ref), ...nodeOf(pod, reader) }
    }
    case 'v1/Secret':
      return { secret: reference(found(reader.get<Secret>(CORE('secrets'), namespace, name), 'secrets', name), ref) }
    case 'v1/Node':
      return { node: reference(found(reader.get<Node>(CORE('nodes'), '', name), 'nodes', name), ref) }
    default:
      throw badRequest(`cannot bind token to object of type ${gvkText(apiVersion, kind)}`)
  }
}

/** The node may be gone already; its name alone is told then. */
function nodeOf(pod: Pod, reader: ObjectReader): BoundReferences {
  const { nodeName } = pod.spec
  if (nodeName === undefined || nodeName === '') return {}
  const node = reader.get<Node>(CORE('nodes'), '', nodeName)
  return { node: node === undefined ? { name: nodeName } : { name: nodeName, uid: node.metadata.uid } }
}

function reference(
  object: Pod | Secret | Node,
  wanted: { readonly uid?: string | undefined; readonly kind?: string | undefined },
): Reference {
  const { name, uid } = object.metadata
  if (wanted.uid !== undefined && wanted.uid !== '' && wanted.uid !== uid) {
    const text = `the UID in the bound object reference (${wanted.uid}) does not match the UID in record. The object might have been deleted and then recreated`
    throw conflict(CORE(wanted.kind ?? ''), name, text)
  }
  return { name, uid }
}

function found<T>(object: T | undefined, resource: string, name: string): T {
  if (object === undefined) throw notFound(CORE(resource), name)
  return object
}

/** Go's print of a GroupVersionKind. */
function gvkText(apiVersion: string, kind: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? `/${apiVersion}, Kind=${kind}` : `${apiVersion}, Kind=${kind}`
}
