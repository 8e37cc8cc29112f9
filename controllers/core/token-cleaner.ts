import { secrets } from '../../core/api/kinds.ts'
import type { Secret } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { InformerOptions, Lister } from '../../core/client/informer.ts'
import { keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'

/** Deletes bootstrap tokens when they expire. Source: Kubernetes documentation, "Authenticating with Bootstrap Tokens". */
export interface TokenCleanerDeps {
  readonly client: Client
  /** Filled from `BOOTSTRAP_TOKENS`. */
  readonly secrets: Lister<Secret>
  readonly clock: Clock
}

export const BOOTSTRAP_TOKENS: InformerOptions = { namespace: 'kube-system', fieldSelector: 'type=bootstrap.kubernetes.io/token' }

export function tokenCleaner(deps: TokenCleanerDeps): Controller {
  return {
    name: 'tokencleaner',
    concurrency: 1,
    watches: [{ ...watch(secrets, (secret) => [keyOf(secret)]), options: BOOTSTRAP_TOKENS }],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

async function reconcile(
  key: ObjectKey,
  { client, secrets: lister, clock }: TokenCleanerDeps,
  { signal }: ReconcileContext,
): Promise<Result> {
  const secret = lister.get(key)
  const dueMs = secret === undefined ? undefined : expiryMs(secret)
  if (secret === undefined || dueMs === undefined) return done
  const leftMs = dueMs - clock.now()
  if (leftMs > 0) return after(leftMs)
  await ignoreNotFound(client.delete(secrets, secret.metadata, { signal, preconditions: { uid: secret.metadata.uid } }))
  return done
}

/** Undefined for a token that never expires; a time that cannot be read has passed, so that a typo locks out. */
export function expiryMs({ data = {} }: Secret): number | undefined {
  const text = Buffer.from(data['expiration'] ?? '', 'base64').toString('utf8')
  if (text === '') return undefined
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) ? 0 : atMs
}
