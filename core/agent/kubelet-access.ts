import { subjectAccessReviews } from '../api/kinds.ts'
import type { Client } from '../client/client.ts'
import type { Caller } from './stream/kubelet-api.ts'

/** Asks the API server whether a caller may use the node's own API. Source: Kubernetes docs, kubelet authorization mode Webhook. */
export function kubeletAuthorizer(
  client: Client,
  nodeName: string,
): (caller: Caller, access: { readonly verb: string; readonly subresource: string }, signal: AbortSignal) => Promise<boolean> {
  return async (caller, { verb, subresource }, signal) => {
    const resourceAttributes = { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName }
    const review = await client.create(
      subjectAccessReviews,
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user: caller.name, groups: caller.groups, resourceAttributes },
      },
      { signal },
    )
    return review.status.allowed
  }
}
