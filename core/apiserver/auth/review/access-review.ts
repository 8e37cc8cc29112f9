import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  LocalSubjectAccessReview,
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SubjectAccessReview,
  SubjectAccessReviewStatus,
} from '../../../api/types/authorization-v1.ts'
import { type FieldError, invalid } from '../../../meta/field-error.ts'
import { badRequest, invalidObject } from '../../errors.ts'
import type { Attributes, Authorizer, UserInfo } from '../auth.ts'

const GROUP = 'authorization.k8s.io'

interface Question {
  readonly resourceAttributes?: ResourceAttributes | undefined
  readonly nonResourceAttributes?: NonResourceAttributes | undefined
}

/** Answers `POST subjectaccessreviews`. Throws StatusError Invalid. */
export function reviewSubjectAccess(review: SubjectAccessReview, authorizer: Authorizer): SubjectAccessReview {
  assertValid('SubjectAccessReview', [...questionProblems(review.spec), ...subjectProblems(review.spec)])
  return { ...review, status: decide(authorizer, attributesFor(userOf(review.spec), review.spec)) }
}

/** Answers `POST selfsubjectaccessreviews` for the caller. */
export function reviewSelfSubjectAccess(review: SelfSubjectAccessReview, user: UserInfo, authorizer: Authorizer): SelfSubjectAccessReview {
  assertValid('SelfSubjectAccessReview', questionProblems(review.spec))
  return { ...review, status: decide(authorizer, attributesFor(user, review.spec)) }
}

/** Answers `POST namespaces/NS/localsubjectaccessreviews`: the question must be about that namespace. */
export function reviewLocalSubjectAccess(
  review: LocalSubjectAccessReview,
  namespace: string,
  authorizer: Authorizer,
): LocalSubjectAccessReview {
  const { resourceAttributes, nonResourceAttributes } = review.spec
  const problems = [...questionProblems(review.spec), ...subjectProblems(review.spec)]
  if (nonResourceAttributes !== undefined) {
    problems.push(invalid('spec.nonResourceAttributes', nonResourceAttributes, 'disallowed on this kind of request'))
  }
  assertValid('LocalSubjectAccessReview', problems)
  if (resourceAttributes !== undefined && resourceAttributes.namespace !== namespace) {
    throw badRequest(
      `spec.resourceAttributes.namespace must match namespace: ${JSON.stringify(resourceAttributes.namespace ?? '')} != ${JSON.stringify(namespace)}`,
    )
  }
  return { ...review, status: decide(authorizer, attributesFor(userOf(review.spec), review.spec)) }
}

function decide(authorizer: Authorizer, attributes: Attributes): SubjectAccessReviewStatus {
  const { allowed, reason } = authorizer.authorize(attributes)
  return { allowed, ...(reason !== '' && { reason }) }
}

function attributesFor(user: UserInfo, { resourceAttributes: resource, nonResourceAttributes: path }: Question): Attributes {
  if (resource === undefined) return { kind: 'path', user, verb: path?.verb ?? '', path: path?.path ?? '' }
  return {
    kind: 'resource',
    user,
    verb: resource.verb ?? '',
    group: resource.group ?? '',
    version: resource.version ?? '',
    resource: resource.resource ?? '',
    subresource: resource.subresource ?? '',
    namespace: resource.namespace ?? '',
    name: resource.name ?? '',
    fieldSelector: fieldSelectorText(resource.fieldSelector),
    labelSelector: labelSelectorText(resource.labelSelector),
  }
}

/** Requirements other than a single equal value cannot narrow an answer and are left out. */
function fieldSelectorText(selector: FieldSelectorAttributes | undefined): string | undefined {
  if (selector?.rawSelector !== undefined && selector.rawSelector !== '') return selector.rawSelector
  const terms = (selector?.requirements ?? []).flatMap(({ key, operator, values }) =>
    operator === 'In' && values?.length === 1 ? [`${key}=${values[0] ?? ''}`] : [],
  )
  return terms.length === 0 ? undefined : terms.join(',')
}

function labelSelectorText(selector: LabelSelectorAttributes | undefined): string | undefined {
  return selector?.rawSelector === '' ? undefined : selector?.rawSelector
}

function userOf(spec: SubjectAccessReview['spec']): UserInfo {
  return {
    name: spec.user ?? '',
    groups: spec.groups ?? [],
    ...(spec.uid !== undefined && { uid: spec.uid }),
    ...(spec.extra !== undefined && { extra: spec.extra }),
  }
}

function questionProblems({ resourceAttributes, nonResourceAttributes }: Question): FieldError[] {
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    return [invalid('spec.nonResourceAttributes', nonResourceAttributes, 'cannot be specified in combination with resourceAttributes')]
  }
  if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
    return [invalid('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')]
  }
  return []
}

function subjectProblems({ user, groups }: SubjectAccessReview['spec']): FieldError[] {
  if ((user !== undefined && user !== '') || (groups !== undefined && groups.length > 0)) return []
  return [invalid('spec.user', '', 'at least one of user or group must be specified')]
}

function assertValid(kind: string, problems: readonly FieldError[]): void {
  if (problems.length > 0) throw invalidObject({ group: GROUP, kind }, '', problems)
}
