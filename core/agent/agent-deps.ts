import type { Client } from '../client/client.ts'
import type { InformerFactory } from '../client/informer.ts'
import type { Logger } from '../observability/log.ts'
import type { Clock } from '../runtime/clock.ts'
import type { AgentPaths } from './paths.ts'
import type { AgentSettings } from './settings.ts'

export interface AgentDeps {
  readonly client: Client
  readonly informers: InformerFactory
  readonly settings: AgentSettings
  readonly log: Logger
  readonly clock: Clock
  /** For tests; otherwise derived from the settings. */
  readonly paths?: AgentPaths
  /** Key material of the kubelet's HTTPS API; without it there is none, and so no logs and no exec. PEM. */
  readonly kubeletTls?: { readonly cert: string; readonly key: string; readonly clientCa: string }
  /** What this node does for the network of pods. Absent: nothing, another program does. */
  readonly network?: NetworkSettings
}

export interface NetworkSettings {
  /** Writes the CNI configuration as soon as the node has a pod network. */
  readonly hasPodNetwork: boolean
  /** Programs services and host ports. */
  readonly hasServiceProxy: boolean
  /** Services and endpoints as the proxy's own identity sees them; a node's may not read endpoint slices. */
  readonly serviceInformers: InformerFactory
  /** Name of the pod bridge. Default cni0. */
  readonly bridge?: string
  /** Name of the nftables table. Default k3ts. */
  readonly table?: string
}
