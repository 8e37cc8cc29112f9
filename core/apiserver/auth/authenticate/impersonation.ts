import { StatusError } from '../../../meta/status-error.ts'
import type { Attributes, Authorizer, Credentials, UserInfo } from '../auth.ts'
import { forbiddenError } from '../forbidden.ts'
import { ANONYMOUS, GROUPS, serviceAccountGroups, splitServiceAccountUser } from '../users.ts'

const EXTRA_PREFIX = 'impersonate-extra-'
const AUTHENTICATION_GROUP = 'authentication.k8s.io'

interface Wanted {
  readonly user: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: ReadonlyMap<string, readonly string[]>
}

/**
 * The user a request acts as: `user` itself without impersonation headers. Throws StatusError Forbidden when `user` may not
 * impersonate one of the parts asked for. Source: apiserver, endpoints/filters/impersonation.
 */
export function impersonate(user: UserInfo, headers: Credentials['headers'], authorizer: Authorizer): UserInfo {
  const wanted = readHeaders(headers)
  if (wanted === undefined) return user
  for (const attributes of questionsFor(user, wanted)) {
    const { allowed, reason } = authorizer.authorize(attributes)
    if (!allowed) throw forbiddenError(attributes, reason)
  }
  return userFor(wanted)
}

/** Names of request headers that must not reach a proxied server. */
export function isImpersonationHeader(name: string): boolean {
  return name.startsWith('impersonate-')
}

function readHeaders(headers: Credentials['headers']): Wanted | undefined {
  if (!mentionsImpersonation(headers)) return undefined
  const user = headers['impersonate-user'] ?? ''
  const uid = headers['impersonate-uid'] ?? ''
  const groups = valuesOf(headers['impersonate-group'])
  const extra = new Map<string, readonly string[]>()
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(EXTRA_PREFIX)) extra.set(unescapeKey(name.slice(EXTRA_PREFIX.length)), valuesOf(value))
  }
  if (user !== '') return { user, uid, groups, extra }
  if (uid === '' && groups.length === 0 && extra.size === 0) return undefined
  throw new StatusError('InternalError', 'Internal Server Error: groups, uid or extra were requested without impersonating a user')
}

/** Nearly no request does, so this is all that they pay. */
function mentionsImpersonation(headers: Credentials['headers']): boolean {
  for (const name in headers) if (isImpersonationHeader(name)) return true
  return false
}

/** Repeated headers arrive joined with a comma and a space. */
function valuesOf(value: string | undefined): readonly string[] {
  return value === undefined || value === '' ? [] : value.split(', ')
}

function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key).toLowerCase()
  } catch {
    // Not escaped at all.
    return key
  }
}

function questionsFor(user: UserInfo, wanted: Wanted): readonly Attributes[] {
  const ask = (
    group: string,
    resource: string,
    name: string,
    more: { readonly namespace?: string; readonly subresource?: string } = {},
  ): Attributes => ({
    kind: 'resource',
    user,
    verb: 'impersonate',
    group,
    version: 'v1',
    resource,
    subresource: more.subresource ?? '',
    namespace: more.namespace ?? '',
    name,
  })
  const account = splitServiceAccountUser(wanted.user)
  const questions = [
    account === undefined ? ask('', 'users', wanted.user) : ask('', 'serviceaccounts', account.name, { namespace: account.namespace }),
    ...wanted.groups.map((name) => ask('', 'groups', name)),
  ]
  for (const [subresource, values] of wanted.extra) {
    questions.push(...values.map((name) => ask(AUTHENTICATION_GROUP, 'userextras', name, { subresource })))
  }
  if (wanted.uid !== '') questions.push(ask(AUTHENTICATION_GROUP, 'uids', wanted.uid))
  return questions
}

/** Groups that every such user has are added; a service account without explicit groups gets its own. */
function userFor({ user, uid, groups, extra }: Wanted): UserInfo {
  const account = splitServiceAccountUser(user)
  const own = groups.length === 0 && account !== undefined ? serviceAccountGroups(account.namespace) : groups
  const common = user === ANONYMOUS.name ? GROUPS.unauthenticated : GROUPS.authenticated
  return {
    name: user,
    groups: own.includes(common) ? own : [...own, common],
    ...(uid !== '' && { uid }),
    ...(extra.size > 0 && { extra: Object.fromEntries(extra) }),
  }
}
