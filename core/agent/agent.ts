import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { ContainerImage } from '../api/types/core-v1.ts'
import type { Client } from '../client/client.ts'
import type { InformerFactory } from '../client/informer.ts'
import { createRecorder, type EventRecorder } from '../client/recorder.ts'
import type { Logger } from '../observability/log.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Component, Running } from '../runtime/component.ts'
import { createPodCgroups, type PodCgroups } from './cgroup/cgroups.ts'
import { detectCgroups } from './cgroup/hierarchy.ts'
import { cniConfig } from './cni/component.ts'
import { startContainerd } from './containerd/containerd.ts'
import {
  containerdEvents,
  createImageService,
  createRuntimeService,
  criEvents,
  type GrpcChannel,
  type ImageService,
  openGrpcChannel,
  type RuntimeService,
} from './cri/index.ts'
import { evictUnderPressure, type PodUse } from './eviction/eviction.ts'
import { ignoreMissing } from './files.ts'
import { createImageFolder } from './images/image-folder.ts'
import { ImageGc, importedImages } from './images/image-gc.ts'
import { createImagePuller } from './images/puller.ts'
import { kubeletAuthorizer } from './kubelet-access.ts'
import { type KubeletOptions, readKubeletOptions } from './kubelet-options.ts'
import { pressureOf } from './node/facts.ts'
import { type NodeComponent, nodeComponent } from './node/node.ts'
import { type AgentPaths, agentPaths, cniConfDir, imagesDir } from './paths.ts'
import type { NodeSettings } from './pod/pod-deps.ts'
import { createPodDirectory } from './pod/pod-directory.ts'
import { createPodManager, type PodManager } from './pod/pod-manager.ts'
import { RuntimeCache } from './pod/runtime-cache.ts'
import { podUidOf } from './pod/runtime-labels.ts'
import { chooseHostDns } from './pod/spec/dns.ts'
import { serviceProxy } from './proxy/component.ts'
import { nftRunner } from './proxy/nft.ts'
import type { AgentSettings } from './settings.ts'
import { createStats, type Stats } from './stats/stats.ts'
import type { PodDirectory } from './stream/kubelet-api.ts'
import { kubeletServer } from './stream/server.ts'
import { createVolumeManager } from './volumes/volumes.ts'

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

/** What the rest of the node (kubelet API, metrics) builds on. */
export interface AgentParts {
  readonly runtime: RuntimeService
  readonly images: ImageService
  readonly pods: PodManager
  readonly directory: PodDirectory
  readonly stats: Stats
  readonly node: NodeComponent
  readonly options: KubeletOptions
  readonly paths: AgentPaths
}

export interface Agent extends Component {
  /** Resolves when the runtime answers, before pods are started; rejects when the start fails. */
  readonly parts: Promise<AgentParts>
}

/** A node: container runtime, images, Node object, pods. Stopping it leaves containers running; the next start takes them up again. */
export function createAgent(deps: AgentDeps): Agent {
  const parts = Promise.withResolvers<AgentParts>()
  // Whoever asks for the parts hears of a failed start; nobody has to.
  parts.promise.catch(() => undefined)
  return {
    name: 'agent',
    parts: parts.promise,
    start: async (signal) => {
      try {
        return await start(deps, parts.resolve, signal)
      } catch (err) {
        parts.reject(err)
        throw err
      }
    },
  }
}

async function start(deps: AgentDeps, announce: (parts: AgentParts) => void, signal: AbortSignal): Promise<Running> {
  const { client, clock, log, settings } = deps
  const options = readKubeletOptions(settings.kubeletArgs)
  const paths = deps.paths ?? agentPaths({ dataDir: settings.dataDir, kubeletRoot: options.rootDir })
  const connection = await connectRuntime(deps, paths, signal)
  const { runtime, images } = connection
  const recorder = createRecorder({ client, clock, log, component: 'kubelet', host: settings.nodeName })
  const running: Running[] = [connection, await recorder.start(signal)]
  const node = nodeComponent({
    client,
    settings,
    options,
    storageRoot: paths.agentDir,
    runtimeProblems: (aborted) => runtimeProblems(runtime, aborted),
    runtimeVersion: connection.version,
    images: (aborted) => nodeImages(images, aborted),
    clock,
    log,
  })
  const cache = new RuntimeCache({
    runtime,
    eventSources: [(aborted) => containerdEvents(connection.channel, aborted), (aborted) => criEvents(connection.channel, aborted)],
    clock,
    log,
  })
  const { cgroups, version } = await podCgroups(options, paths)
  const manager = createPodManager({
    ...{ client, clock, log, runtime, cache, recorder, cgroups },
    informers: deps.informers,
    images: createImagePuller({ images, clock, maxParallelPulls: options.serializesImagePulls ? 1 : options.maxParallelImagePulls }),
    volumes: createVolumeManager({ client, paths, node: () => node.facts(), clock, log }),
    node: () => node.facts(),
    logLimits: { maxBytes: options.containerLogMaxBytes, maxFiles: options.containerLogMaxFiles },
    facts: await nodeSettings(settings, { options, paths, cgroupVersion: version, runtimeName: connection.runtimeName }),
  })
  const directory = createPodDirectory({ manager, cache })
  const collector = imageCollector({ ...deps, recorder }, { runtime, images, options, paths })
  const stats = createStats({
    runtime,
    images,
    pods: () => manager.pods(),
    nodeName: settings.nodeName,
    storageRoot: paths.agentDir,
    clock,
  })
  announce({ runtime, images, pods: manager, directory, stats, node, options, paths })
  const folder = createImageFolder({ dir: imagesDir(paths), store: connection.imageStore, images, clock, log })
  const parts = [...networkParts(deps, paths), ...kubeletParts(deps, { runtime, directory, stats }), node]
  // Archives before pods, so that no pod tries to pull what lies in the folder; the rest of the node need not wait for them.
  const [started] = await Promise.all([Promise.all(parts.map(async (part) => part.start(signal))), folder.importAll(signal)])
  running.push(...started, { done: folder.follow(signal) }, await manager.start(signal))
  const eviction = evictUnderPressure(
    {
      shortage: () => pressureOf(options.evictionHard, paths.agentDir),
      reclaimDisk: (aborted) => collector.pass(aborted),
      usage: (aborted) => podUsage(runtime, aborted),
      pods: () => manager.pods().filter(({ status }) => status.phase === 'Running' || status.phase === 'Pending'),
      evict: (uid, reason, message) => manager.evict(uid, reason, message),
      ...{ recorder, clock, log },
    },
    signal,
  )
  running.push({ done: collector.run(signal) }, { done: eviction })
  const done = Promise.all(running.map((part) => part.done)).then(() => {
    connection.channel.close()
  })
  return { done }
}

interface CollectorContext {
  readonly runtime: RuntimeService
  readonly images: ImageService
  readonly options: KubeletOptions
  readonly paths: AgentPaths
}

function imageCollector(
  { settings, clock, log, recorder }: AgentDeps & { readonly recorder: EventRecorder },
  { runtime, images, options, paths }: CollectorContext,
): ImageGc {
  const about = { apiVersion: 'v1', kind: 'Node', name: settings.nodeName, uid: settings.nodeName }
  return new ImageGc({
    ...{ images, runtime, clock, log },
    highPercent: options.imageGcHighPercent,
    lowPercent: options.imageGcLowPercent,
    keep: async () => new Set([settings.pauseImage, ...(await importedImages(imagesDir(paths)))]),
    event: (type, reason, message) => recorder.event(about, type, reason, message),
  })
}

async function podUsage(runtime: RuntimeService, signal: AbortSignal): Promise<ReadonlyMap<string, PodUse>> {
  const usage = new Map<string, PodUse>()
  for (const { labels, memory, writableLayer } of await runtime.listContainerStats({}, signal)) {
    const uid = podUidOf(labels) ?? ''
    const { memoryBytes, diskBytes } = usage.get(uid) ?? { memoryBytes: 0, diskBytes: 0 }
    usage.set(uid, { memoryBytes: memoryBytes + (memory?.workingSetBytes ?? 0), diskBytes: diskBytes + (writableLayer?.usedBytes ?? 0) })
  }
  return usage
}

function networkParts({ informers, settings, network, clock, log }: AgentDeps, paths: AgentPaths): readonly Component[] {
  if (network === undefined) return []
  const { nodeName, nodeIp, clusterCidr } = settings
  const { bridge = 'cni0', table = 'k3ts' } = network
  const leaseDir = join(paths.agentDir, 'cni/leases')
  const cni = cniConfig({ informers, nodeName, nodeIp, confDir: cniConfDir(paths), leaseDir, bridge, log })
  const proxy = serviceProxy({
    informers: network.serviceInformers,
    podInformers: informers,
    nft: nftRunner(),
    frame: { table, clusterCidr, bridge },
    nodeName,
    clock,
    log,
  })
  return [...(network.hasPodNetwork ? [cni] : []), ...(network.hasServiceProxy ? [proxy] : [])]
}

interface KubeletContext {
  readonly runtime: RuntimeService
  readonly directory: PodDirectory
  readonly stats: Stats
}

function kubeletParts(
  { client, settings, kubeletTls, clock, log }: AgentDeps,
  { runtime, directory, stats }: KubeletContext,
): readonly Component[] {
  if (kubeletTls === undefined) return []
  const server = kubeletServer({
    address: '0.0.0.0',
    port: settings.kubeletPort,
    tls: kubeletTls,
    pods: directory,
    runtime,
    authorize: kubeletAuthorizer(client, settings.nodeName),
    metrics: () => stats.resourceMetrics(new AbortController().signal),
    stats: (signal) => stats.summary(signal),
    clock,
    log,
  })
  return [server]
}

interface Connection extends Running {
  readonly channel: GrpcChannel
  readonly runtime: RuntimeService
  readonly images: ImageService
  readonly runtimeName: string
  /** As the Node shows it: `containerd://1.6.20`. */
  readonly version: string
  readonly imageStore: { readonly socket: string; readonly snapshotter: string }
}

/** Our own containerd, or the one that the settings name. */
async function connectRuntime({ settings, log, clock }: AgentDeps, paths: AgentPaths, signal: AbortSignal): Promise<Connection> {
  const external = settings.containerRuntimeEndpoint
  const own = external === undefined ? await startContainerd({ settings, paths, log, clock, systemdCgroup: false }, signal) : undefined
  const socket = own?.socket ?? (external ?? '').replace(/^unix:\/\//, '')
  const channel = openGrpcChannel({ path: socket })
  const runtime = createRuntimeService(channel)
  try {
    const { runtimeName, runtimeVersion } = await runtime.version(signal)
    return {
      channel,
      runtime,
      images: createImageService(channel),
      runtimeName,
      version: `${runtimeName}://${runtimeVersion.replace(/^v/, '').replace(/[~+].*$/, '')}`,
      imageStore: { socket, snapshotter: own?.snapshotter ?? settings.snapshotter },
      done: own?.done ?? Promise.resolve(),
    }
  } catch (err) {
    channel.close()
    throw new Error(`the container runtime at ${socket} does not answer: ${err instanceof Error ? err.message : String(err)}`, {
      cause: err,
    })
  }
}

async function podCgroups(options: KubeletOptions, paths: AgentPaths): Promise<{ readonly cgroups: PodCgroups; readonly version: 1 | 2 }> {
  const hierarchy = await detectCgroups()
  const { enforcesCpuQuota, podPidsLimit } = options
  return { cgroups: createPodCgroups({ hierarchy, root: paths.cgroupRoot, enforcesCpuQuota, podPidsLimit }), version: hierarchy.version }
}

interface SettingsContext {
  readonly options: KubeletOptions
  readonly paths: AgentPaths
  readonly cgroupVersion: 1 | 2
  readonly runtimeName: string
}

async function nodeSettings(
  settings: AgentSettings,
  { options, paths, cgroupVersion, runtimeName }: SettingsContext,
): Promise<NodeSettings> {
  const minor = /^v?(\d+\.\d+)/.exec(settings.version ?? '')?.[1] ?? '1.35'
  return {
    paths,
    nodeName: settings.nodeName,
    hostIps: [settings.nodeIp],
    dns: { clusterDns: settings.clusterDns, clusterDomain: settings.clusterDomain, host: await hostDns(settings) },
    resources: { memoryCapacityBytes: totalmem(), enforcesCpuQuota: options.enforcesCpuQuota, cgroupVersion },
    runtimeName,
    seccompRoot: join(paths.kubeletRoot, 'seccomp'),
    userAgent: `kube-probe/${minor}`,
    allowedUnsafeSysctls: options.allowedUnsafeSysctls,
  }
}

/** The file that was asked for, else the host's, else what systemd-resolved forwards to. */
async function hostDns(settings: AgentSettings): Promise<ReturnType<typeof chooseHostDns>> {
  const files = settings.resolvConf === undefined ? ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'] : [settings.resolvConf]
  const texts = await Promise.all(files.map((file) => ignoreMissing(readFile(file, 'utf8'))))
  return chooseHostDns(texts.filter((text) => text !== undefined))
}

/** In the kubelet's words, for the Ready condition. */
async function runtimeProblems(runtime: RuntimeService, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const { conditions } = await runtime.status(signal)
    return conditions
      .filter(({ status }) => !status)
      .map(({ type, reason, message }) => {
        const what = type === 'NetworkReady' ? 'container runtime network not ready' : 'container runtime not ready'
        return `${what}: ${type}=false reason:${reason} message:${message}`
      })
  } catch (err) {
    return [`container runtime is down: ${err instanceof Error ? err.message : String(err)}`]
  }
}

const MAX_NODE_IMAGES = 50
const MAX_IMAGE_NAMES = 5

/** The largest images, as the Node lists them. */
async function nodeImages(images: ImageService, signal: AbortSignal): Promise<readonly ContainerImage[]> {
  const list = await images.listImages(signal)
  return [...list]
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, MAX_NODE_IMAGES)
    .map(({ digests, tags, sizeBytes }) => ({ names: [...digests, ...tags].slice(0, MAX_IMAGE_NAMES), sizeBytes }))
}
