/** Registers this machine as a Node, reports its state, and renews its lease. Source: Kubernetes docs, nodes and heartbeats. */
import { leases, nodes } from '../../api/kinds.ts'
import type { ContainerImage, Node, NodeCondition, NodeStatus } from '../../api/types/core-v1.ts'
import type { Client } from '../../client/client.ts'
import type { EventRecorder } from '../../client/recorder.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import { ignoreNotFound, isAlreadyExists, isConflict } from '../../meta/status-error.ts'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import { type Clock, toMicroTimestamp, toTimestamp } from '../../runtime/clock.ts'
import type { Component } from '../../runtime/component.ts'
import type { NodeFacts } from '../downward/field-ref.ts'
import type { KubeletOptions } from '../kubelet-options.ts'
import type { AgentSettings } from '../settings.ts'
import { addressesOf, buildNode, conditionsOf, type Health, sameConditions, systemLabels } from './build.ts'
import { allocatableOf, capacityOf, pressureOf, systemInfo } from './facts.ts'
import { changesOf, nodeReference } from './node-events.ts'

export interface NodeDeps {
  readonly client: Client
  readonly settings: AgentSettings
  readonly options: KubeletOptions
  /** Folder whose file system counts as the node's storage. */
  readonly storageRoot: string
  /** Problems of the runtime and its network, empty when pods can run. */
  readonly runtimeProblems: (signal: AbortSignal) => Promise<readonly string[]>
  /** `containerd://1.7.2`. */
  readonly runtimeVersion: string
  readonly runtimeFeatures: Pick<NodeStatus, 'runtimeHandlers' | 'features'>
  readonly images: (signal: AbortSignal) => Promise<readonly ContainerImage[]>
  readonly recorder: EventRecorder
  readonly clock: Clock
  readonly log: Logger
}

export interface NodeComponent extends Component {
  /** What the downward API shows of this node. */
  facts(): NodeFacts
}

const LEASE_NAMESPACE = 'kube-node-lease'
const LEASE_SECONDS = 40
const BEAT_MS = 10_000
/** Until the node is ready the runtime is looked at often: a cluster should be there in seconds. */
const EAGER_BEAT_MS = 200

export function nodeComponent(deps: NodeDeps): NodeComponent {
  const capacity = capacityOf(deps.options, deps.storageRoot)
  const allocatable = allocatableOf(capacity, deps.options)
  return {
    name: 'node',
    facts: () => ({ nodeName: deps.settings.nodeName, hostIps: [deps.settings.nodeIp], allocatable }),
    start: async (signal) => {
      await register(deps, signal)
      deps.recorder.event(nodeReference(deps.settings.nodeName), 'Normal', 'Starting', 'Starting kubelet.')
      const reporter = new Reporter(deps, { capacity, allocatable })
      await reporter.beat(signal)
      const done = Promise.all([reporter.run(signal), renewLease(deps, signal)]).then(() => undefined)
      return { done }
    },
  }
}

/** A node that comes back keeps its labels, taints and annotations; only what the system itself sets is put right. */
async function register(deps: NodeDeps, signal: AbortSignal): Promise<void> {
  const { client, settings } = deps
  if (!deps.options.registersNode) return
  const wanted = buildNode(settings)
  try {
    await client.create(nodes, wanted, { signal })
    deps.log.info({ node: settings.nodeName }, 'Node registered')
  } catch (err) {
    if (!isAlreadyExists(err)) throw err
    const body = { metadata: { labels: systemLabels(settings), annotations: wanted.metadata?.annotations } }
    await client.patch(nodes, { name: settings.nodeName }, { type: 'merge', body }, { signal })
  }
}

class Reporter {
  readonly #deps: NodeDeps
  readonly #resources: Pick<NodeStatus, 'capacity' | 'allocatable'>
  #reportedAtMs = Number.NEGATIVE_INFINITY
  #isReady = false

  constructor(deps: NodeDeps, resources: Pick<NodeStatus, 'capacity' | 'allocatable'>) {
    this.#deps = deps
    this.#resources = resources
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal)) {
      await this.#deps.clock.sleep(this.#isReady ? BEAT_MS : EAGER_BEAT_MS, signal).catch(() => undefined)
      if (isAborted(signal)) return
      try {
        await this.beat(signal)
      } catch (err) {
        if (!isAborted(signal)) this.#deps.log.warn({ err }, 'Node status not reported, retrying')
      }
    }
  }

  /** Tells the API server when something changed, and everything now and then. */
  async beat(signal: AbortSignal): Promise<void> {
    const { client, settings, options, clock } = this.#deps
    const node = await ignoreNotFound(client.get(nodes, { name: settings.nodeName }, signal))
    if (node === undefined) {
      await register(this.#deps, signal)
      return
    }
    const status = await this.#statusFor(node, signal)
    const due = clock.now() - this.#reportedAtMs >= options.nodeStatusReportMs
    if (!due && isSame(node, status)) return
    try {
      await client.patch(nodes, { name: settings.nodeName }, { type: 'strategic', body: { status } }, { signal, subresource: 'status' })
    } catch (err) {
      if (!isConflict(err)) throw err
      return
    }
    this.#reportedAtMs = clock.now()
    this.#tell(node, status)
    this.#isReady = status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true
  }

  /** The events of the kubelet for what this report changed. */
  #tell(before: Node, now: Partial<NodeStatus>): void {
    const { recorder, settings } = this.#deps
    const about = nodeReference(settings.nodeName)
    const [oldBoot, boot = ''] = [before.status.nodeInfo.bootID, now.nodeInfo?.bootID]
    if (oldBoot !== '' && oldBoot !== boot)
      recorder.event(about, 'Warning', 'Rebooted', `Node ${settings.nodeName} has been rebooted, boot id: ${boot}`)
    for (const reason of changesOf(before.status.conditions ?? [], now.conditions ?? []))
      recorder.event(about, 'Normal', reason, `Node ${settings.nodeName} status is now: ${reason}`)
  }

  async #statusFor(node: Node, signal: AbortSignal): Promise<Partial<NodeStatus>> {
    const { settings, options, storageRoot, clock } = this.#deps
    const health: Health = { problems: await this.#deps.runtimeProblems(signal), pressure: pressureOf(options.evictionHard, storageRoot) }
    // With a cloud controller the addresses of a node that it has taken over are its own.
    const isTakenOver = settings.hasCloudController === true && (node.spec.providerID ?? '') !== ''
    return {
      ...this.#resources,
      ...this.#deps.runtimeFeatures,
      conditions: conditionsOf(health, node.status.conditions ?? [], toTimestamp(clock.now())),
      ...(!isTakenOver && { addresses: addressesOf(settings) }),
      daemonEndpoints: { kubeletEndpoint: { Port: settings.kubeletPort } },
      nodeInfo: systemInfo({ runtime: this.#deps.runtimeVersion, kubelet: settings.version ?? '' }),
      images: await this.#deps.images(signal),
    }
  }
}

function isSame(node: Node, next: Partial<NodeStatus>): boolean {
  const { conditions, ...rest } = next
  const current = node.status as unknown as Readonly<Record<string, unknown>>
  return (
    sameConditions(node.status.conditions ?? [], conditions as readonly NodeCondition[]) &&
    Object.entries(rest).every(([key, value]) => deepEqual(current[key], value))
  )
}

async function renewLease(deps: NodeDeps, signal: AbortSignal): Promise<void> {
  const { client, settings, clock } = deps
  const name = { name: settings.nodeName, namespace: LEASE_NAMESPACE }
  while (!isAborted(signal)) {
    try {
      const renewTime = toMicroTimestamp(clock.now())
      const lease = await ignoreNotFound(client.get(leases, name, signal))
      const spec = { holderIdentity: settings.nodeName, leaseDurationSeconds: LEASE_SECONDS, renewTime }
      if (lease === undefined) {
        const node = await client.get(nodes, { name: settings.nodeName }, signal)
        const owner = { apiVersion: 'v1', kind: 'Node', name: settings.nodeName, uid: node.metadata.uid }
        await client.create(
          leases,
          { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...name, ownerReferences: [owner] }, spec },
          { signal },
        )
      } else await client.update(leases, { ...lease, spec: { ...lease.spec, ...spec } }, { signal })
    } catch (err) {
      if (!isAborted(signal)) deps.log.warn({ err }, 'Node lease not renewed, retrying')
    }
    await clock.sleep(BEAT_MS, signal).catch(() => undefined)
  }
}
