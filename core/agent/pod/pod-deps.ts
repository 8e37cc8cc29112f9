import type { Service } from '../../api/types/core-v1.ts'
import type { Client } from '../../client/client.ts'
import type { Lister } from '../../client/informer.ts'
import type { EventRecorder } from '../../client/recorder.ts'
import type { Logger } from '../../observability/log.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { PodCgroups } from '../cgroup/cgroups.ts'
import type { RuntimeService } from '../cri/index.ts'
import type { NodeFacts } from '../downward/field-ref.ts'
import type { ImagePuller } from '../images/puller.ts'
import type { AgentPaths } from '../paths.ts'
import type { VolumeManager } from '../volumes/volumes.ts'
import type { NodeFeatures } from './node-features.ts'
import type { RuntimeCache } from './runtime-cache.ts'
import type { DnsSettings } from './spec/dns.ts'
import type { ResourceFacts } from './spec/resources.ts'

/** What running a pod takes. */
export interface PodDeps {
  readonly runtime: RuntimeService
  readonly cache: RuntimeCache
  readonly images: ImagePuller
  readonly cgroups: PodCgroups
  readonly volumes: VolumeManager
  readonly client: Client
  readonly recorder: EventRecorder
  readonly services: Lister<Service>
  readonly node: () => NodeFacts
  readonly clock: Clock
  readonly log: Logger
  readonly facts: NodeSettings
}

/** Constant facts of this node. */
export interface NodeSettings {
  readonly paths: AgentPaths
  readonly nodeName: string
  readonly hostIps: readonly string[]
  readonly dns: DnsSettings
  readonly resources: ResourceFacts
  /** Prefix of container ids in statuses, such as `containerd`. */
  readonly runtimeName: string
  readonly seccompRoot: string
  readonly userAgent: string
  readonly allowedUnsafeSysctls: readonly string[]
  readonly features: NodeFeatures
}
