import { certificateSigningRequests, subjectAccessReviews } from '../../core/api/kinds.ts'
import type { SubjectAccessReview } from '../../core/api/types/authorization-v1.ts'
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../core/api/types/certificates-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import { findCondition } from '../../core/meta/conditions.ts'
import { type KubeObject, keyOf, type ObjectKey } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { type Clock, toTimestamp } from '../../core/runtime/clock.ts'
import type { CertificateSigner } from '../runtime/context.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { isKubeletClient, KUBELET_CLIENT } from './signers.ts'

/**
 * Approves client certificates of kubelets whose requester may have them. Source: Kubernetes documentation, "TLS
 * bootstrapping", approval.
 */
export interface ApprovalDeps {
  readonly client: Client
  readonly requests: Lister<CertificateSigningRequest>
  readonly signer: CertificateSigner
  readonly clock: Clock
}

export function certificateApprovalController(deps: ApprovalDeps): Controller {
  return {
    name: 'certificatesigningrequest-approving',
    concurrency: 2,
    watches: [watch(certificateSigningRequests, (request) => (isOpen(request) ? [keyOf(request)] : []))],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

function isOpen({ spec, status }: CertificateSigningRequest): boolean {
  const decided = ['Approved', 'Denied'].some((type) => findCondition(status.conditions, type) !== undefined)
  return spec.signerName === KUBELET_CLIENT && !decided && (status.certificate ?? '') === ''
}

async function reconcile(key: ObjectKey, deps: ApprovalDeps, { signal, log }: ReconcileContext): Promise<Result> {
  const request = deps.requests.get(key)
  if (request === undefined || !isOpen(request)) return done
  const pem = Buffer.from(request.spec.request, 'base64').toString('utf8')
  const facts = await deps.signer.inspect(pem, signal)
  if (!isKubeletClient(facts, request.spec.usages ?? [])) return done
  // A node renews its own certificate under a lesser right than one that gets its first.
  const own = request.spec.username === facts.commonName
  for (const [subresource, what] of [
    ...(own ? [['selfnodeclient', 'self kubelet client certificate']] : []),
    ['nodeclient', 'kubelet client certificate'],
  ]) {
    if (subresource === undefined || !(await isAllowed(request, subresource, deps.client, signal))) continue
    await approve(request, `Auto approving ${what ?? ''} after SubjectAccessReview.`, deps, signal)
    return done
  }
  log.debug({ user: request.spec.username }, 'Certificate request is left to an administrator')
  return done
}

async function isAllowed({ spec }: CertificateSigningRequest, subresource: string, client: Client, signal: AbortSignal): Promise<boolean> {
  const resourceAttributes = {
    group: 'certificates.k8s.io',
    resource: 'certificatesigningrequests',
    verb: 'create',
    subresource,
    version: '*',
  }
  const { username, uid, groups, extra } = spec
  const review = { spec: { user: username, uid, groups, extra, resourceAttributes } }
  const type = subjectAccessReviews as unknown as ResourceType<KubeObject & SubjectAccessReview>
  const answer = await client.create(type, review, { signal })
  return answer.status.allowed
}

async function approve(
  request: CertificateSigningRequest,
  message: string,
  { client, clock }: ApprovalDeps,
  signal: AbortSignal,
): Promise<void> {
  const now = toTimestamp(clock.now())
  const condition: CertificateSigningRequestCondition = {
    type: 'Approved',
    status: 'True',
    reason: 'AutoApproved',
    message,
    lastUpdateTime: now,
    lastTransitionTime: now,
  }
  const status = { ...request.status, conditions: [...(request.status.conditions ?? []), condition] }
  await client.update(certificateSigningRequests, { ...request, status }, { signal, subresource: 'approval' })
}
