import { namespaces, serviceAccounts } from '../../core/api/kinds.ts'
import type { Namespace, ServiceAccount } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import { keyOf, type ObjectKey, objectKey } from '../../core/meta/object.ts'
import { isAlreadyExists } from '../../core/meta/status-error.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { isNamespaceTerminating } from '../runtime/failure.ts'

/**
 * Keeps a ServiceAccount named `default` in every living namespace. Source: Kubernetes documentation, "Managing Service Accounts".
 */
export interface ServiceAccountDeps {
  readonly client: Client
  readonly namespaces: Lister<Namespace>
  readonly serviceAccounts: Lister<ServiceAccount>
}

const DEFAULT_NAME = 'default'

export function serviceAccountController(deps: ServiceAccountDeps): Controller {
  return {
    name: 'serviceaccount',
    concurrency: 1,
    watches: [
      watch(namespaces, (namespace) => [keyOf(namespace)]),
      watch(serviceAccounts, ({ metadata }) => (metadata.name === DEFAULT_NAME ? [objectKey(undefined, metadata.namespace ?? '')] : [])),
    ],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

async function reconcile(key: ObjectKey, deps: ServiceAccountDeps, { signal }: ReconcileContext): Promise<Result> {
  const namespace = deps.namespaces.get(key)
  if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined || namespace.status.phase === 'Terminating') return done
  const account = { metadata: { namespace: namespace.metadata.name, name: DEFAULT_NAME } }
  if (deps.serviceAccounts.get(keyOf(account)) !== undefined) return done
  try {
    await deps.client.create(serviceAccounts, account, { signal })
  } catch (err) {
    if (!isAlreadyExists(err) && !isNamespaceTerminating(err)) throw err
  }
  return done
}
