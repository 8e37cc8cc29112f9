import type { Client } from '../client/client.ts'
import { createDiscovery, type Discovery } from '../client/discovery.ts'
import { portTransports } from '../client/port/port-transport.ts'
import { createClient } from '../client/typed-client.ts'
import { CLOUD_CONTROLLER, NODE_MANAGER, SUPERVISOR } from './identities.ts'
import type { NodeThreadData } from './node-thread-data.ts'

/** The clients of all controllers over one port, each with its own user, so that none can do more than its role says. */
export interface ControllerClients {
  /** `system:kube-controller-manager`: the shared caches, and controllers that act as it. */
  readonly manager: Client
  readonly discovery: Discovery
  /** A service account of kube-system; undefined: the manager. */
  account(name: string | undefined): Client
  readonly cloud: Client
  readonly node: Client
  readonly supervisor: Client
}

/** A client for the account of each controller, made when it is first asked for. */
export function controllerClients({ ports, version }: Pick<NodeThreadData, 'ports' | 'version'>): ControllerClients {
  const transportAs = portTransports(ports.controllers)
  const client = (as: string, userAgent: string): Client => createClient(transportAs(as), { userAgent })
  // What stands before the slash becomes the manager of fields, which is the same for all, as in kube-controller-manager.
  const manager = createClient(transportAs(), { userAgent: `kube-controller-manager/${version}` })
  const accounts = new Map<string, Client>()
  return {
    manager,
    discovery: createDiscovery(transportAs()),
    account: (name) => {
      if (name === undefined) return manager
      const known = accounts.get(name) ?? client(name, `kube-controller-manager/${version} (system:serviceaccount:kube-system:${name})`)
      accounts.set(name, known)
      return known
    },
    cloud: client(CLOUD_CONTROLLER, `${CLOUD_CONTROLLER}/${version}`),
    node: client(NODE_MANAGER, `k3ts/${version} (${NODE_MANAGER})`),
    supervisor: client(SUPERVISOR, `k3ts-supervisor/${version}`),
  }
}
