import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
  tokenReviews,
} from '../../api/kinds.ts'
import { defineResource } from './define.ts'

/** Questions to authentication and authorization: create answers, nothing is stored. */
export const selfSubjectReviewDef = defineResource(selfSubjectReviews)
export const tokenReviewDef = defineResource(tokenReviews)
export const localSubjectAccessReviewDef = defineResource(localSubjectAccessReviews)
export const selfSubjectAccessReviewDef = defineResource(selfSubjectAccessReviews)
export const selfSubjectRulesReviewDef = defineResource(selfSubjectRulesReviews)
export const subjectAccessReviewDef = defineResource(subjectAccessReviews)
