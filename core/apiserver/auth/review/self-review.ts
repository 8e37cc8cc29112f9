import type { UserInfo as ReviewedUser, SelfSubjectReview } from '../../../api/types/authentication-v1.ts'
import type { NonResourceRule, ResourceRule, SelfSubjectRulesReview } from '../../../api/types/authorization-v1.ts'
import { badRequest } from '../../errors.ts'
import type { UserInfo } from '../auth.ts'
import type { RuleResolver } from '../rbac/rule-resolver.ts'

/** Answers `POST selfsubjectreviews`: who the caller is. */
export function reviewSelf(review: SelfSubjectReview, user: UserInfo): SelfSubjectReview {
  return { ...review, status: { userInfo: reviewedUser(user) } }
}

/** Answers `POST selfsubjectrulesreviews`: what the caller may do in a namespace. Throws StatusError BadRequest without one. */
export function reviewSelfRules(review: SelfSubjectRulesReview, user: UserInfo, resolver: RuleResolver): SelfSubjectRulesReview {
  const { namespace } = review.spec
  if (namespace === undefined || namespace === '') throw badRequest('no namespace on request')
  const { rules, incomplete, problems } = resolver.rulesFor(user, namespace)
  const resourceRules: ResourceRule[] = []
  const nonResourceRules: NonResourceRule[] = []
  for (const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } of rules) {
    if (resources !== undefined && resources.length > 0) resourceRules.push({ verbs, apiGroups, resources, resourceNames })
    if (nonResourceURLs !== undefined && nonResourceURLs.length > 0) nonResourceRules.push({ verbs, nonResourceURLs })
  }
  const evaluationError = problems.join(', ')
  return {
    ...review,
    status: { resourceRules, nonResourceRules, incomplete, ...(evaluationError !== '' && { evaluationError }) },
  }
}

export function reviewedUser({ name, uid, groups, extra }: UserInfo): ReviewedUser {
  return {
    username: name,
    ...(uid !== undefined && uid !== '' && { uid }),
    groups,
    ...(extra !== undefined && { extra }),
  }
}
