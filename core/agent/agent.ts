import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { createRecorder } from '../client/recorder.ts'
import type { Component, Running } from '../runtime/component.ts'
import { ignoreMissing } from '../runtime/missing-file.ts'
import type { AgentDeps } from './agent-deps.ts'
import { createPodCgroups, type PodCgroups } from './cgroup/cgroups.ts'
import { detectCgroups } from './cgroup/hierarchy.ts'
import { containerdEvents, criEvents, type ImageService, type RuntimeService } from './cri/index.ts'
import { createImageFolder } from './images/image-folder.ts'
import { createImagePuller } from './images/puller.ts'
import { type KubeletOptions, readKubeletOptions } from './kubelet-options.ts'
import { kubeletParts, networkParts } from './network-parts.ts'
import { type NodeComponent, nodeComponent } from './node/node.ts'
import { careForNode } from './node-care.ts'
import { type AgentPaths, agentPaths, closePodsDir, imagesDir } from './paths.ts'
import type { NodeSettings } from './pod/pod-deps.ts'
import { createPodDirectory } from './pod/pod-directory.ts'
import { createPodManager, type PodManager } from './pod/pod-manager.ts'
import { RuntimeCache } from './pod/runtime-cache.ts'
import type { NodeFeatures } from './pod/node-features.ts'
import { chooseHostDns } from './pod/spec/dns.ts'
import { containerResources } from './pod/spec/resources.ts'
import { connectRuntime, nodeFeatures, nodeImages, runtimeProblems, toldByRuntime } from './runtime-connection.ts'
import type { AgentSettings } from './settings.ts'
import { createStats, type Stats } from './stats/stats.ts'
import type { PodDirectory } from './stream/kubelet-api.ts'
import { createVolumeManager } from './volumes/volumes.ts'

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
  await closePodsDir(paths)
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
    runtimeFeatures: await toldByRuntime(runtime, signal),
    images: (aborted) => nodeImages(images, aborted),
    recorder,
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
  const features = await nodeFeatures(runtime, signal)
  const facts = await nodeSettings(settings, { options, paths, cgroupVersion: version, runtimeName: connection.runtimeName, features })
  const manager = createPodManager({
    ...{ client, clock, log, runtime, cache, recorder, cgroups },
    informers: deps.informers,
    images: createImagePuller({ images, clock, maxParallelPulls: options.serializesImagePulls ? 1 : options.maxParallelImagePulls }),
    volumes: createVolumeManager({ client, paths, node: () => node.facts(), clock, log }),
    node: () => node.facts(),
    logLimits: { maxBytes: options.containerLogMaxBytes, maxFiles: options.containerLogMaxFiles },
    facts,
  })
  const directory = createPodDirectory({ manager, cache })
  const stats = createStats({
    runtime,
    images,
    pods: () => manager.pods(),
    nodeName: settings.nodeName,
    storageRoot: paths.agentDir,
    cgroupOf: (pod) => cgroups.parentOf(pod),
    limitsOf: (pod, container) => containerResources(pod, container, facts.resources),
    clock,
  })
  announce({ runtime, images, pods: manager, directory, stats, node, options, paths })
  const folder = createImageFolder({ dir: imagesDir(paths), store: connection.imageStore, images, clock, log })
  const parts = [
    ...networkParts(deps, paths),
    ...kubeletParts(deps, { runtime, directory, stats, probes: () => manager.probeMetrics(), options }),
    node,
  ]
  // Archives before pods, so that no pod tries to pull what lies in the folder; the rest of the node need not wait for them.
  const [started] = await Promise.all([Promise.all(parts.map(async (part) => part.start(signal))), folder.importAll(signal)])
  running.push(...started, { done: folder.follow(signal) }, await manager.start(signal))
  running.push(careForNode({ ...deps, recorder }, { runtime, images, options, paths, pods: manager }, signal))
  const done = Promise.all(running.map((part) => part.done)).then(() => {
    connection.channel.close()
  })
  return { done }
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
  readonly features: NodeFeatures
}

async function nodeSettings(
  settings: AgentSettings,
  { options, paths, cgroupVersion, runtimeName, features }: SettingsContext,
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
    features,
  }
}

/** The file that was asked for, else the host's, else what systemd-resolved forwards to. */
async function hostDns(settings: AgentSettings): Promise<ReturnType<typeof chooseHostDns>> {
  const files = settings.resolvConf === undefined ? ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'] : [settings.resolvConf]
  const texts = await Promise.all(files.map((file) => ignoreMissing(readFile(file, 'utf8'))))
  return chooseHostDns(texts.filter((text) => text !== undefined))
}
