import { configMaps, nodes } from '../../core/api/kinds.ts'
import type { ConfigMap, Node } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { InformerOptions, Lister } from '../../core/client/informer.ts'
import { keyOf, type ObjectKey, objectKey } from '../../core/meta/object.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'

/**
 * Lets the cluster DNS answer for node names: keeps key NodeHosts of ConfigMap kube-system/coredns. The ConfigMap comes
 * from a manifest; this writer owns the one key by server-side apply, so neither undoes what the other wrote.
 */
export interface NodeHostsDeps {
  readonly client: Client
  readonly nodes: Lister<Node>
  /** Of `DNS_CONFIG`. */
  readonly configMaps: Lister<ConfigMap>
}

const NAMESPACE = 'kube-system'
const NAME = 'coredns'
const FIELD_MANAGER = 'node-hosts-controller'
const KEY = objectKey(NAMESPACE, NAME)
/** The one ConfigMap of interest: the others stay out of this thread. */
export const DNS_CONFIG: InformerOptions = { namespace: NAMESPACE, fieldSelector: `metadata.name=${NAME}` }

export function nodeHostsController(deps: NodeHostsDeps): Controller {
  return {
    name: 'node-hosts',
    concurrency: 1,
    watches: [watch(nodes, () => [KEY]), { ...watch(configMaps, (map) => (keyOf(map) === KEY ? [KEY] : [])), options: DNS_CONFIG }],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

/** `address name` lines of the nodes' internal addresses, ordered by name so that the text is stable. */
export function planNodeHosts(all: readonly Node[]): string {
  return all
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap(({ metadata, status }) =>
      (status.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => `${address} ${metadata.name}\n`),
    )
    .join('')
}

async function reconcile(key: ObjectKey, deps: NodeHostsDeps, { signal }: ReconcileContext): Promise<Result> {
  const map = deps.configMaps.get(key)
  // Absent: the cluster DNS is disabled or not deployed yet.
  if (map === undefined || map.metadata.deletionTimestamp !== undefined) return done
  const hosts = planNodeHosts(deps.nodes.list())
  if (map.data?.['NodeHosts'] === hosts) return done
  // With its uid, a ConfigMap deleted in between is a conflict and not created anew with this key alone.
  const metadata = { name: NAME, namespace: NAMESPACE, uid: map.metadata.uid }
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { NodeHosts: hosts } }
  await deps.client.patch(
    configMaps,
    { namespace: NAMESPACE, name: NAME },
    { type: 'apply', body, force: true },
    { signal, fieldManager: FIELD_MANAGER },
  )
  return done
}
