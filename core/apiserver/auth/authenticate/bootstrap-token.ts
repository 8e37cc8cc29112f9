import type { Secret } from '../../../api/types/core-v1.ts'
import { sameSecret } from '../../../pki/token.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import type { Authenticator, UserInfo } from '../auth.ts'
import { bearerToken } from './static-users.ts'

const SECRETS = { group: '', resource: 'secrets' }
const NAMESPACE = 'kube-system'
const TYPE = 'bootstrap.kubernetes.io/token'
const DEFAULT_GROUP = 'system:bootstrappers'
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/

/**
 * Tokens `id.secret` that are kept in Secrets and let new nodes join. Unknown, expired and disabled ones are nobody's.
 * Source: kubernetes, plugin/pkg/auth/authenticator/token/bootstrap.
 */
export function bootstrapTokenAuthenticator(reader: ObjectReader, clock: Clock): Authenticator {
  return {
    authenticate: ({ headers }) => {
      const [, id, secret] = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(bearerToken(headers) ?? '') ?? []
      return id === undefined || secret === undefined ? undefined : bootstrapUser(reader, { id, secret }, clock.now())
    },
  }
}

/** For the supervisor, where the token stands in the password of basic credentials. */
export function bootstrapUser(
  reader: ObjectReader,
  { id, secret }: { readonly id: string; readonly secret: string },
  nowMs: number,
): UserInfo | undefined {
  const stored = reader.get<Secret>(SECRETS, NAMESPACE, `bootstrap-token-${id}`)
  if (stored?.type !== TYPE || stored.metadata.deletionTimestamp !== undefined) return undefined
  const value = (key: string): string => Buffer.from(stored.data?.[key] ?? '', 'base64').toString()
  if (value('token-id') !== id || !sameSecret(value('token-secret'), secret)) return undefined
  if (value('usage-bootstrap-authentication') !== 'true' || isExpired(value('expiration'), nowMs)) return undefined
  const extra = value('auth-extra-groups')
    .split(',')
    .filter((group) => group !== '')
  if (!extra.every((group) => EXTRA_GROUP.test(group))) return undefined
  return { name: `system:bootstrap:${id}`, groups: [DEFAULT_GROUP, ...extra] }
}

/** A date that cannot be read counts as passed. */
function isExpired(expiration: string, nowMs: number): boolean {
  if (expiration === '') return false
  const endsMs = Date.parse(expiration)
  return Number.isNaN(endsMs) || endsMs <= nowMs
}
