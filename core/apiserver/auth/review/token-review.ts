import type { TokenReview } from '../../../api/types/authentication-v1.ts'
import { badRequest } from '../../errors.ts'
import type { Authenticator } from '../auth.ts'
import type { TokenVerifier } from '../token/verifier.ts'
import { withAuthenticatedGroup } from '../users.ts'
import { reviewedUser } from './self-review.ts'

export interface TokenReviewDeps {
  readonly verifier: TokenVerifier
  /** Further authenticators that know bearer tokens, such as static ones; they know of no audiences. */
  readonly others: readonly Authenticator[]
  /** The server's own audiences: what a review without audiences asks about. */
  readonly audiences: readonly string[]
}

/** Answers `POST tokenreviews`: whose token it is. A bad token is no error but an answer. Throws StatusError BadRequest without a token. */
export async function reviewToken(review: TokenReview, deps: TokenReviewDeps, signal: AbortSignal): Promise<TokenReview> {
  const token = review.spec.token ?? ''
  if (token === '') throw badRequest('token is required for TokenReview in authentication')
  const asked = review.spec.audiences ?? []
  const wanted = asked.length === 0 ? deps.audiences : asked
  const answer = (status: TokenReview['status']): TokenReview => ({ ...review, status })
  const verified = deps.verifier.verify(token, wanted)
  if (verified.outcome === 'ok') {
    const user = reviewedUser(withAuthenticatedGroup(verified.token.user))
    return answer({ authenticated: true, user, audiences: asked.length === 0 ? deps.audiences : verified.token.audiences })
  }
  if (verified.outcome === 'bad') return answer({ user: {}, error: `[invalid bearer token, ${verified.reason}]` })
  for (const other of deps.others) {
    const user = await other.authenticate({ headers: { authorization: `Bearer ${token}` } }, signal)
    if (user !== undefined) {
      const audiences = wanted.filter((audience) => deps.audiences.includes(audience))
      if (audiences.length === 0) break
      return answer({ authenticated: true, user: reviewedUser(withAuthenticatedGroup(user)), audiences })
    }
  }
  return answer({ user: {}, error: 'invalid bearer token' })
}
