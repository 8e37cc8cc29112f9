import { after, type Awaitable, recover } from '../../../runtime/awaitable.ts'
import type { Authenticator, Credentials, UserInfo } from '../auth.ts'
import { ANONYMOUS, withAuthenticatedGroup } from '../users.ts'
import { bearerToken } from './static-users.ts'
import { unauthorized } from './unauthorized.ts'

/** Open to everybody: health for load balancers and probes, the CA and the ping for joining nodes. Nothing else is. */
export const ANONYMOUS_PATHS: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/cacerts', '/ping'])

/**
 * Asks the authenticators in order; the first that knows the user wins. When none does, the request is anonymous where that
 * is allowed. Always answers with a user or throws StatusError Unauthorized. A failing authenticator does not stop the next.
 */
export function createAuthentication(
  authenticators: readonly Authenticator[],
  anonymousPaths: ReadonlySet<string> = ANONYMOUS_PATHS,
): Authenticator {
  return {
    authenticate: (credentials, signal) => {
      let failure: unknown
      const askFrom = (first: number): Awaitable<UserInfo> => {
        const authenticator = authenticators[first]
        if (authenticator === undefined) return unknownUser(failure)
        const ask = (): Awaitable<UserInfo | undefined> => authenticator.authenticate(credentials, signal)
        const known = recover(ask, (err) => {
          failure ??= err
          return undefined
        })
        return after(known, (user) => (user === undefined ? askFrom(first + 1) : withGroup(user)))
      }
      const unknownUser = (cause: unknown): UserInfo => {
        if (cause === undefined && isOpen(credentials, anonymousPaths)) return ANONYMOUS
        throw unauthorized(cause)
      }
      return askFrom(0)
    },
  }
}

/** A bearer token that nobody knows is an error even where anonymous users may go. */
function isOpen(credentials: Credentials, anonymousPaths: ReadonlySet<string>): boolean {
  if (credentials.headers['authorization'] !== undefined || bearerToken(credentials.headers) !== undefined) return false
  return credentials.path !== undefined && anonymousPaths.has(credentials.path)
}

const withGroups = new WeakMap<object, ReturnType<typeof withAuthenticatedGroup>>()

/** The same answer for the same user record, so that decisions remembered by identity are found again. */
function withGroup(user: Parameters<typeof withAuthenticatedGroup>[0]): ReturnType<typeof withAuthenticatedGroup> {
  let result = withGroups.get(user)
  if (result === undefined) {
    result = withAuthenticatedGroup(user)
    withGroups.set(user, result)
  }
  return result
}
