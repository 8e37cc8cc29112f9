import type { Authenticator } from '../auth.ts'
import type { TokenVerifier } from '../token/verifier.ts'
import { bearerToken } from './static-users.ts'
import { unauthorized } from './unauthorized.ts'

/** Bearer tokens of service accounts meant for this server. */
export function serviceAccountAuthenticator(verifier: TokenVerifier): Authenticator {
  return {
    authenticate: ({ headers }) => {
      const token = bearerToken(headers)
      if (token === undefined) return undefined
      const verified = verifier.verify(token)
      switch (verified.outcome) {
        case 'ok':
          return verified.token.user
        case 'bad':
          throw unauthorized(new Error(verified.reason))
        case 'foreign':
          return undefined
      }
    },
  }
}
