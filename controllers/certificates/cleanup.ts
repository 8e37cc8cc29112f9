import { X509Certificate } from 'node:crypto'
import { certificateSigningRequests } from '../../core/api/kinds.ts'
import type { CertificateSigningRequest } from '../../core/api/types/certificates-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import { findCondition } from '../../core/meta/conditions.ts'
import { keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'

/** Deletes certificate requests that nobody needs any more. Source: Kubernetes documentation, "Certificate Signing Requests", life cycle. */
export interface CleanupDeps {
  readonly client: Client
  readonly requests: Lister<CertificateSigningRequest>
  readonly clock: Clock
}

const DECIDED_MS = 3_600_000
const PENDING_MS = 24 * 3_600_000

export function certificateCleanupController(deps: CleanupDeps): Controller {
  return {
    name: 'certificatesigningrequest-cleaner',
    concurrency: 1,
    watches: [watch(certificateSigningRequests, (request) => [keyOf(request)])],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

async function reconcile(key: ObjectKey, { client, requests, clock }: CleanupDeps, { signal }: ReconcileContext): Promise<Result> {
  const request = requests.get(key)
  if (request === undefined) return done
  const leftMs = expiryMs(request) - clock.now()
  if (leftMs > 0) return after(leftMs)
  const { uid } = request.metadata
  await ignoreNotFound(client.delete(certificateSigningRequests, request.metadata, { signal, preconditions: { uid } }))
  return done
}

/** An hour after the decision, a day without one, and at the latest when the certificate has expired. */
export function expiryMs({ metadata, status }: CertificateSigningRequest): number {
  const createdMs = Date.parse(metadata.creationTimestamp)
  const decided = ['Approved', 'Denied', 'Failed']
    .map((type) => findCondition(status.conditions, type))
    .find((condition) => condition !== undefined)
  // Approved and not signed yet: the signer still owes the certificate.
  const waiting = decided === undefined || (decided.type === 'Approved' && (status.certificate ?? '') === '')
  const sinceMs = Date.parse(decided?.lastUpdateTime ?? '')
  const dueMs = waiting ? createdMs + PENDING_MS : (Number.isNaN(sinceMs) ? createdMs : sinceMs) + DECIDED_MS
  return Math.min(dueMs, certificateEndMs(status.certificate) ?? dueMs)
}

function certificateEndMs(certificate: string | undefined): number | undefined {
  if (certificate === undefined || certificate === '') return undefined
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo)
  } catch {
    // A foreign signer may write what this process cannot read; the decision's age rules then.
    return undefined
  }
}
