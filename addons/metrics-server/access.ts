import { subjectAccessReviews } from '../../core/api/kinds.ts'
import type { Client } from '../../core/client/client.ts'
import type { Caller } from './caller.ts'
import { Expiring } from '../../core/runtime/expiring.ts'

/** What somebody wants to do: with a resource, or at a path that is none. */
export type Wish =
  | { readonly verb: string; readonly resource: string; readonly namespace: string; readonly name: string }
  | { readonly verb: string; readonly path: string }

const DECISION_AGE_MS = 10_000
/** An answer is shared by all who wait for it, so it is given up by none of them. */
const REVIEW_MS = 10_000
/** Asking for them is of no use: they may do everything. */
const ALWAYS = 'system:masters'

/** Asks the API server whether a caller may; its answer counts for a few seconds. Source: apiserver, delegated authorization. */
export function createAuthorization(client: Client, nowMs: () => number) {
  const decisions = new Expiring<boolean>(DECISION_AGE_MS, nowMs)
  return async (caller: Caller, wish: Wish): Promise<boolean> => {
    if (caller.groups.includes(ALWAYS)) return true
    return decisions.get(JSON.stringify([caller, wish]), async () => {
      const { name, uid, groups, extra } = caller
      const attributes =
        'path' in wish
          ? { nonResourceAttributes: { verb: wish.verb, path: wish.path } }
          : { resourceAttributes: { ...wish, group: 'metrics.k8s.io', version: 'v1beta1' } }
      const spec = { user: name, groups, ...(uid !== undefined && { uid }), ...(extra !== undefined && { extra }), ...attributes }
      const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
      const { status } = await client.create(subjectAccessReviews, body, { signal: AbortSignal.timeout(REVIEW_MS) })
      return status.allowed
    })
  }
}

/** Kubernetes' text of a refusal. */
export function refusal({ name }: Caller, wish: Wish): string {
  const user = `User ${JSON.stringify(name)} cannot`
  if ('path' in wish) return `forbidden: ${user} ${wish.verb} path ${JSON.stringify(wish.path)}`
  const what = `resource ${JSON.stringify(wish.resource)} in API group "metrics.k8s.io"`
  const where = wish.namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(wish.namespace)}`
  const subject = `${wish.resource}.metrics.k8s.io${wish.name === '' ? '' : ` ${JSON.stringify(wish.name)}`}`
  return `${subject} is forbidden: ${user} ${wish.verb} ${what} ${where}`
}
