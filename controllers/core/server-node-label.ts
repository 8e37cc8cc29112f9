import { nodes } from '../../core/api/kinds.ts'
import type { Node } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import { keyOf } from '../../core/meta/object.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import { type Controller, done, watch } from '../runtime/controller.ts'

export interface ServerNodeLabelDeps {
  readonly client: Client
  readonly nodes: Lister<Node>
  /** Node on which this server runs. */
  readonly nodeName: string
}

/** As K3s writes it: with the value `true`. */
const LABEL = 'node-role.kubernetes.io/control-plane'

/** Labels the node of this server as control plane. A node may not give itself a role, so the server does. Source: K3s, node roles. */
export function serverNodeLabelController({ client, nodes: lister, nodeName }: ServerNodeLabelDeps): Controller {
  return {
    name: 'server-node-label',
    concurrency: 1,
    watches: [watch(nodes, (node) => (node.metadata.name === nodeName ? [keyOf(node)] : []))],
    reconcile: async (key, { signal }) => {
      const node = lister.get(key)
      if (node === undefined || node.metadata.labels?.[LABEL] === 'true') return done
      const body = { metadata: { labels: { [LABEL]: 'true' } } }
      await ignoreNotFound(client.patch(nodes, { name: nodeName }, { type: 'merge', body }, { signal, fieldManager: 'k3ts' }))
      return done
    },
  }
}
