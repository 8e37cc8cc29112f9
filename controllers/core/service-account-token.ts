import { secrets, serviceAccounts } from '../../core/api/kinds.ts'
import type { Secret, ServiceAccount } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { InformerOptions, Lister } from '../../core/client/informer.ts'
import { type KubeObject, keyOf, type ObjectKey, objectKey } from '../../core/meta/object.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'

/**
 * Fills Secrets of type service-account-token that a user made, and deletes them with their account.
 * Source: Kubernetes documentation, "Managing Service Accounts", long-lived API tokens.
 */
export interface TokenDeps {
  readonly client: Client
  /** Filled from `TOKEN_SECRETS`. */
  readonly secrets: Lister<Secret>
  readonly serviceAccounts: Lister<ServiceAccount>
  /** PEM bundle that verifies the API server. */
  readonly rootCa: string
}

export const TOKEN_SECRETS: InformerOptions = { fieldSelector: 'type=kubernetes.io/service-account-token' }

const ACCOUNT_NAME = 'kubernetes.io/service-account.name'
const ACCOUNT_UID = 'kubernetes.io/service-account.uid'
/** Such tokens end with their Secret, which they are bound to; the longest that a request may ask for. */
const LIFETIME_SECONDS = 2 ** 32

export function serviceAccountTokenController(deps: TokenDeps): Controller {
  return {
    name: 'serviceaccount-token',
    concurrency: 2,
    watches: [
      { ...watch(secrets, (secret) => [keyOf(secret)]), options: TOKEN_SECRETS },
      watch(serviceAccounts, (account) => secretsOf(account, deps.secrets)),
    ],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

function secretsOf({ metadata }: KubeObject, lister: Lister<Secret>): readonly ObjectKey[] {
  return lister
    .list(metadata.namespace ?? '')
    .filter((secret) => secret.metadata.annotations?.[ACCOUNT_NAME] === metadata.name)
    .map(keyOf)
}

async function reconcile(key: ObjectKey, deps: TokenDeps, { signal }: ReconcileContext): Promise<Result> {
  const secret = deps.secrets.get(key)
  const name = secret?.metadata.annotations?.[ACCOUNT_NAME]
  if (secret === undefined || name === undefined || secret.metadata.deletionTimestamp !== undefined) return done
  const account = await accountOf(secret, name, deps, signal)
  const { uid, resourceVersion } = secret.metadata
  if (account === undefined) {
    await ignoreNotFound(deps.client.delete(secrets, secret.metadata, { signal, preconditions: { uid, resourceVersion } }))
    return done
  }
  const data = await planData(secret, account, deps, signal)
  if (data === undefined) return done
  const annotations = { ...secret.metadata.annotations, [ACCOUNT_UID]: account.metadata.uid }
  await ignoreNotFound(deps.client.update(secrets, { ...secret, metadata: { ...secret.metadata, annotations }, data }, { signal }))
  return done
}

/** Undefined when the Secret's account is gone for sure; one made anew under the name is another account. */

async function accountOf({ metadata }: Secret, name: string, deps: TokenDeps, signal: AbortSignal): Promise<ServiceAccount | undefined> {
  const uid = metadata.annotations?.[ACCOUNT_UID] ?? ''
  const fits = (account: ServiceAccount | undefined): boolean => account !== undefined && (uid === '' || uid === account.metadata.uid)
  const cached = deps.serviceAccounts.get(objectKey(metadata.namespace, name))
  if (fits(cached)) return cached
  const fresh = await ignoreNotFound(deps.client.get(serviceAccounts, { namespace: metadata.namespace, name }, signal))
  return fits(fresh) ? fresh : undefined
}

/** Undefined when the Secret has all it needs. */

async function planData(
  secret: Secret,
  { metadata }: ServiceAccount,
  deps: TokenDeps,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  const { data = {} } = secret
  const wanted = { 'ca.crt': base64(deps.rootCa), namespace: base64(metadata.namespace ?? '') }
  const sameUid = secret.metadata.annotations?.[ACCOUNT_UID] === metadata.uid
  const complete = Object.entries(wanted).every(([key, value]) => data[key] === value) && (data['token'] ?? '') !== ''
  if (complete && sameUid) return undefined
  const token = (data['token'] ?? '') === '' || !sameUid ? base64(await requestToken(secret, metadata.name, deps, signal)) : data['token']
  return { ...data, ...wanted, token: token ?? '' }
}

async function requestToken({ metadata }: Secret, account: string, { client }: TokenDeps, signal: AbortSignal): Promise<string> {
  const { namespace, name, uid } = metadata
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: LIFETIME_SECONDS, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid } },
  }
  const request = { namespace, name: account }
  const answer = await client.createSubresource<{ readonly status: { readonly token: string } }>(serviceAccounts, request, 'token', body, {
    signal,
  })
  return answer.status.token
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}
