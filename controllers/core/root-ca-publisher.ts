import { configMaps, namespaces } from '../../core/api/kinds.ts'
import type { ConfigMap, Namespace } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { InformerOptions, Lister } from '../../core/client/informer.ts'
import { keyOf, type ObjectKey, objectKey } from '../../core/meta/object.ts'
import { isAlreadyExists, isNotFound } from '../../core/meta/status-error.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { isNamespaceTerminating } from '../runtime/failure.ts'

/**
 * Keeps the certificate of the cluster's authority in a ConfigMap of every living namespace, where projected service
 * account volumes take it from. Source: Kubernetes documentation, "Managing Service Accounts", bound tokens.
 */
export interface RootCaDeps {
  readonly client: Client
  readonly namespaces: Lister<Namespace>
  /** Filled from `ROOT_CA_SCOPE`. */
  readonly configMaps: Lister<ConfigMap>
  /** PEM bundle that verifies the API server. */
  readonly rootCa: string
}

export const ROOT_CA_NAME = 'kube-root-ca.crt'
export const ROOT_CA_SCOPE: InformerOptions = { fieldSelector: `metadata.name=${ROOT_CA_NAME}` }

const ANNOTATIONS = {
  'kubernetes.io/description':
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
}

export function rootCaPublisher(deps: RootCaDeps): Controller {
  return {
    name: 'root-ca-certificate-publisher',
    concurrency: 1,
    watches: [
      watch(namespaces, (namespace) => [keyOf(namespace)]),
      { ...watch(configMaps, ({ metadata }) => [objectKey(undefined, metadata.namespace ?? '')]), options: ROOT_CA_SCOPE },
    ],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

async function reconcile(key: ObjectKey, deps: RootCaDeps, { signal }: ReconcileContext): Promise<Result> {
  const namespace = deps.namespaces.get(key)
  if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined || namespace.status.phase === 'Terminating') return done
  const metadata = { namespace: namespace.metadata.name, name: ROOT_CA_NAME }
  const data = { 'ca.crt': deps.rootCa }
  const existing = deps.configMaps.get(keyOf({ metadata }))
  try {
    if (existing === undefined) {
      await deps.client.create(configMaps, { metadata: { ...metadata, annotations: ANNOTATIONS }, data }, { signal })
    } else if (!isPublished(existing, deps.rootCa)) {
      const annotations = { ...existing.metadata.annotations, ...ANNOTATIONS }
      await deps.client.update(configMaps, { ...existing, metadata: { ...existing.metadata, annotations }, data }, { signal })
    }
  } catch (err) {
    if (!isAlreadyExists(err) && !isNotFound(err) && !isNamespaceTerminating(err)) throw err
  }
  return done
}

function isPublished({ data = {}, metadata }: ConfigMap, rootCa: string): boolean {
  const keys = Object.keys(data)
  const described = metadata.annotations?.['kubernetes.io/description'] === ANNOTATIONS['kubernetes.io/description']
  return described && keys.length === 1 && data['ca.crt'] === rootCa
}
