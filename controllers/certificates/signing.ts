import { certificateSigningRequests } from '../../core/api/kinds.ts'
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../core/api/types/certificates-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import { isConditionTrue } from '../../core/meta/conditions.ts'
import { keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { type Clock, toTimestamp } from '../../core/runtime/clock.ts'
import type { CertificateSigner } from '../runtime/context.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { messageOf } from '../runtime/failure.ts'
import { requestProblem, SIGNERS } from './signers.ts'

/**
 * Signs approved requests for the signers of the cluster itself. Source: Kubernetes documentation, "Certificates and
 * Certificate Signing Requests".
 */
export interface SigningDeps {
  readonly client: Client
  readonly requests: Lister<CertificateSigningRequest>
  readonly signer: CertificateSigner
  readonly clock: Clock
}

const MAX_LIFETIME_SECONDS = 365 * 24 * 3600
const MIN_LIFETIME_SECONDS = 600

export function certificateSigningController(deps: SigningDeps): Controller {
  return {
    name: 'certificatesigningrequest-signing',
    concurrency: 2,
    watches: [watch(certificateSigningRequests, (request) => (isDue(request) ? [keyOf(request)] : []))],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

function isDue({ spec, status }: CertificateSigningRequest): boolean {
  const open = (status.certificate ?? '') === '' && !isConditionTrue(status.conditions, 'Failed')
  return open && isConditionTrue(status.conditions, 'Approved') && SIGNERS.has(spec.signerName)
}

async function reconcile(key: ObjectKey, deps: SigningDeps, { signal }: ReconcileContext): Promise<Result> {
  const request = deps.requests.get(key)
  if (request === undefined || !isDue(request)) return done
  const { signerName, usages = [], expirationSeconds } = request.spec
  const requestPem = Buffer.from(request.spec.request, 'base64').toString('utf8')
  const problem = await inspect(request, requestPem, deps, signal)
  if (problem !== undefined) {
    await fail(request, problem, deps, signal)
    return done
  }
  const lifetimeSeconds = Math.max(MIN_LIFETIME_SECONDS, Math.min(expirationSeconds ?? MAX_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS))
  const certificate = await deps.signer.sign({ requestPem, signerName, usages, lifetimeSeconds }, signal)
  const status = { ...request.status, certificate: Buffer.from(certificate, 'utf8').toString('base64') }
  await deps.client.updateStatus(certificateSigningRequests, { ...request, status }, { signal })
  return done
}

/** Why the request must not be signed; undefined when it may be. */

async function inspect(
  { spec }: CertificateSigningRequest,
  requestPem: string,
  { signer }: SigningDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return requestProblem(spec.signerName, await signer.inspect(requestPem, signal), spec.usages ?? [])
  } catch (err) {
    signal.throwIfAborted()
    return `unable to parse csr: ${messageOf(err)}`
  }
}

async function fail(
  request: CertificateSigningRequest,
  message: string,
  { client, clock }: SigningDeps,
  signal: AbortSignal,
): Promise<void> {
  const now = toTimestamp(clock.now())
  const condition: CertificateSigningRequestCondition = {
    type: 'Failed',
    status: 'True',
    reason: 'SignerValidationFailure',
    message,
    lastUpdateTime: now,
    lastTransitionTime: now,
  }
  const status = { ...request.status, conditions: [...(request.status.conditions ?? []), condition] }
  await client.updateStatus(certificateSigningRequests, { ...request, status }, { signal })
}
