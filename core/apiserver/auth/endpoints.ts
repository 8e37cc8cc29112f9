import { schemaFor } from '../../api/schemas.ts'
import type { TokenRequest } from '../../api/types/authentication-v1.ts'
import { invariant } from '../../runtime/invariant.ts'
import { protobufReader } from '../output/protobuf.ts'
import { admissionAttributes, Outcome } from '../pipeline/admit.ts'
import { readBody } from '../pipeline/body.ts'
import { decodeBody } from '../pipeline/decode.ts'
import { writeOptions } from '../pipeline/options.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import { jsonValueResponse } from '../response.ts'
import { type RestHandler, type RestRequest, writeContextOf } from '../rest/rest-context.ts'
import { type Answer, answeringCreate } from '../rest/virtual.ts'
import type { Authorizer } from './auth.ts'
import type { RuleResolver } from './rbac/rule-resolver.ts'
import { reviewLocalSubjectAccess, reviewSelfSubjectAccess, reviewSubjectAccess } from './review/access-review.ts'
import { reviewSelf, reviewSelfRules } from './review/self-review.ts'
import { reviewToken, type TokenReviewDeps } from './review/token-review.ts'
import type { DiscoveryDocument } from './token/discovery.ts'
import type { createTokenIssuer } from './token/issuer.ts'

export interface ReviewDeps extends TokenReviewDeps {
  readonly authorizer: Authorizer
  readonly rules: RuleResolver
}

/** Handlers of the kinds that ask about users and rights, by `group/resource`, for the API server's `virtual` table. */
export function reviewHandlers(deps: ReviewDeps): ReadonlyMap<string, RestHandler> {
  const { authorizer, rules } = deps
  const handlers: readonly (readonly [string, Answer])[] = [
    ['authentication.k8s.io/tokenreviews', async (review, { signal }) => reviewToken(review as never, deps, signal)],
    ['authentication.k8s.io/selfsubjectreviews', (review, { user }) => reviewSelf(review as never, user)],
    ['authorization.k8s.io/subjectaccessreviews', (review) => reviewSubjectAccess(review as never, authorizer)],
    ['authorization.k8s.io/selfsubjectaccessreviews', (review, { user }) => reviewSelfSubjectAccess(review as never, user, authorizer)],
    [
      'authorization.k8s.io/localsubjectaccessreviews',
      (review, { namespace }) => reviewLocalSubjectAccess(review as never, namespace, authorizer),
    ],
    ['authorization.k8s.io/selfsubjectrulesreviews', (review, { user }) => reviewSelfRules(review as never, user, rules)],
  ]
  return new Map(handlers.map(([key, answer]) => [key, answeringCreate(answer)]))
}

const TOKEN_REQUEST = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' } as const

/** Key of `tokenHandler` in the API server's `subresources` table. */
export const TOKEN_SUBRESOURCE = '/serviceaccounts/token'

/** Handler of `POST serviceaccounts/NAME/token`. Admission sees the request: nodes are held to their pods there. */
export function tokenHandler(issue: ReturnType<typeof createTokenIssuer>): RestHandler {
  return async (rest) => {
    const request = await readTokenRequest(rest)
    const context = writeContextOf(rest, writeOptions(rest.request, 'CreateOptions'))
    const outcome = new Outcome()
    const attributes = admissionAttributes(context, { operation: 'CREATE', object: request as never }, outcome)
    const named = { ...attributes, name: context.name }
    await rest.services.admission.mutate(named)
    await rest.services.admission.validate(named)
    outcome.settle(false)
    const { namespace, name, warn } = context
    return jsonValueResponse(201, issue({ namespace, serviceAccount: name, request, warn }))
  }
}

async function readTokenRequest({ request, warnings }: RestRequest): Promise<TokenRequest> {
  const schema = schemaFor(TOKEN_REQUEST)
  invariant(schema !== undefined, 'TokenRequest has a schema')
  const body = await readBody(request, TOKEN_REQUEST.kind, protobufReader(TOKEN_REQUEST))
  const { validation } = writeOptions(request, 'CreateOptions')
  return decodeBody(body, { ...TOKEN_REQUEST, schema }, { validation, warn: (text) => warnings.push(text) }) as unknown as TokenRequest
}

/** Serves the OpenID documents; undefined for every other path. RBAC decides who may read them. */
export function discoveryPaths(documents: readonly DiscoveryDocument[]): (request: ApiRequest) => ApiResponse | undefined {
  const byPath = new Map(documents.map((document) => [document.path, document]))
  return ({ method, path }) => {
    const document = method === 'GET' || method === 'HEAD' ? byPath.get(path) : undefined
    if (document === undefined) return undefined
    return { status: 200, headers: { 'content-type': document.contentType, 'cache-control': document.cacheControl }, body: document.body }
  }
}
