import { subjectAccessReviews, tokenReviews } from '../api/kinds.ts'
import type { Client } from '../client/client.ts'
import type { Clock } from '../runtime/clock.ts'
import { Expiring } from '../runtime/expiring.ts'
import type { Caller } from './stream/kubelet-api.ts'

/** How long answers of the API server count. Source: KubeletConfiguration, defaults of authentication and authorization. */
const TOKEN_MS = 120_000
const ALLOWED_MS = 300_000
const REFUSED_MS = 30_000
/** An answer is shared by all who wait for it, so it is given up by none of them. */
const REVIEW_MS = 10_000

/** Asks the API server who stands behind a bearer token; undefined when it does not know. Source: Kubernetes docs, kubelet authentication. */
export function kubeletAuthenticator(client: Client, clock: Clock): (token: string) => Promise<Caller | undefined> {
  const callers = new Expiring<Caller | undefined>(TOKEN_MS, () => clock.now())
  const review = async (token: string): Promise<Caller | undefined> => {
    const signal = AbortSignal.timeout(REVIEW_MS)
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } }
    const { authenticated = false, user } = (await client.create(tokenReviews, body, { signal })).status
    return authenticated && user.username !== undefined ? { name: user.username, groups: user.groups ?? [] } : undefined
  }
  return (token) => callers.get(token, () => review(token))
}

/** Asks the API server whether a caller may use the node's own API. Source: Kubernetes docs, kubelet authorization mode Webhook. */
export function kubeletAuthorizer(
  client: Client,
  nodeName: string,
  clock: Clock,
): (caller: Caller, access: { readonly verb: string; readonly subresource: string }) => Promise<boolean> {
  const decisions = new Expiring<boolean>(
    (allowed) => (allowed ? ALLOWED_MS : REFUSED_MS),
    () => clock.now(),
  )
  const review = async (body: Parameters<typeof client.create>[1]): Promise<boolean> =>
    (await client.create(subjectAccessReviews, body, { signal: AbortSignal.timeout(REVIEW_MS) })).status.allowed
  return ({ name, groups }, { verb, subresource }) => {
    const resourceAttributes = { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName }
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { user: name, groups, resourceAttributes } }
    return decisions.get(JSON.stringify(body.spec), () => review(body))
  }
}
