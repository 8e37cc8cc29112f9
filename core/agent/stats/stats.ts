import { statfsSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import type { Container, Pod } from '../../api/types/core-v1.ts'
import { type Clock, toTimestamp } from '../../runtime/clock.ts'
import type { ImageService, RuntimeService } from '../cri/index.ts'
import type { ContainerStats, LinuxResources } from '../cri/types.ts'
import { podUidOf } from '../pod/runtime-labels.ts'
import { containerMetrics } from './container-metrics.ts'
import { type Metric, metricText, type Sample } from './prometheus.ts'
import { type NodeUsage, RateMeter, readNodeUsage } from './usage.ts'

export interface StatsDeps {
  readonly runtime: Pick<RuntimeService, 'listContainerStats' | 'listSandboxStats'>
  readonly images: Pick<ImageService, 'imageFilesystems'>
  readonly pods: () => readonly Pod[]
  readonly nodeName: string
  /** Folder whose file system counts as the node's storage. */
  readonly storageRoot: string
  /** Cgroup of a pod. */
  readonly cgroupOf: (pod: Pod) => string
  readonly limitsOf: (pod: Pod, container: Container) => LinuxResources
  readonly clock: Clock
}

/** What pods and node use, for `kubectl top`, autoscaling and dashboards. */
export interface Stats {
  /** The `stats/summary` document. Source: kubelet stats API v1alpha1. */
  summary(signal: AbortSignal): Promise<unknown>
  /** Counters in Prometheus' text form under the names of the kubelet's /metrics/resource. */
  resourceMetrics(signal: AbortSignal): Promise<string>
  /** The same for /metrics/cadvisor: containers with limits and network. */
  containerMetrics(signal: AbortSignal): Promise<string>
}

export function createStats(deps: StatsDeps): Stats {
  const meter = new RateMeter()
  return {
    summary: (signal) => summary(deps, meter, signal),
    resourceMetrics: (signal) => resourceMetrics(deps, signal),
    containerMetrics: (signal) => figures(deps, signal),
  }
}

interface PodUse {
  readonly pod: Pod
  readonly containers: readonly ContainerStats[]
}

async function podUse({ runtime, pods }: StatsDeps, signal: AbortSignal): Promise<readonly PodUse[]> {
  const stats = await runtime.listContainerStats({}, signal)
  const byUid = Map.groupBy(stats, ({ labels }) => labels['io.kubernetes.pod.uid'])
  return pods().flatMap((pod) => {
    // Ended containers still have a file system, and nothing else to tell.
    const containers = byUid.get(pod.metadata.uid)?.filter(({ cpu }) => cpu !== undefined) ?? []
    return containers.length === 0 ? [] : [{ pod, containers }]
  })
}

async function figures(deps: StatsDeps, signal: AbortSignal): Promise<string> {
  const [uses, sandboxes] = await Promise.all([podUse(deps, signal), deps.runtime.listSandboxStats(signal)])
  const byUid = new Map(sandboxes.map((sandbox) => [podUidOf(sandbox.labels), sandbox]))
  const pods = uses.map(({ pod, containers }) => {
    const specs = new Map([...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((container) => [container.name, container]))
    const limitsOf = (name: string): LinuxResources | undefined => {
      const container = specs.get(name)
      return container && deps.limitsOf(pod, container)
    }
    return { pod, cgroup: deps.cgroupOf(pod), containers, network: byUid.get(pod.metadata.uid), limitsOf }
  })
  const machine = { memoryBytes: totalmem(), processors: cpus().length }
  return containerMetrics({ pods, node: readNodeUsage(), ...machine, nowMs: deps.clock.now() })
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
const cpuOf = ({ containers }: PodUse): number => sum(containers.map(({ cpu }) => cpu?.usageCoreNanoSeconds ?? 0))
const memoryOf = ({ containers }: PodUse): number => sum(containers.map(({ memory }) => memory?.workingSetBytes ?? 0))

async function summary(deps: StatsDeps, meter: RateMeter, signal: AbortSignal): Promise<unknown> {
  const { clock, nodeName, storageRoot } = deps
  const [pods, imageFs] = await Promise.all([podUse(deps, signal), deps.images.imageFilesystems(signal)])
  const now = clock.now()
  const usage = readNodeUsage()
  const disk = diskOf(storageRoot, now)
  const used = imageFs[0]
  meter.keepOnly(new Set(['node', ...pods.flatMap(({ containers }) => containers.map(({ id }) => id))]))
  return {
    node: {
      nodeName,
      startTime: toTimestamp(usage.bootedAtMs),
      cpu: {
        time: toTimestamp(now),
        usageNanoCores: meter.rate('node', usage.cpuNanoSeconds, now) ?? 0,
        usageCoreNanoSeconds: usage.cpuNanoSeconds,
      },
      memory: nodeMemory(usage, now),
      fs: disk,
      runtime: { imageFs: { ...disk, usedBytes: used?.usedBytes ?? 0, inodesUsed: used?.inodesUsed ?? 0 } },
    },
    pods: pods.map((use) => podSummary(use, meter, now)),
  }
}

function nodeMemory(usage: NodeUsage, now: number): object {
  return {
    time: toTimestamp(now),
    availableBytes: usage.memoryAvailableBytes,
    usageBytes: usage.memoryWorkingSetBytes,
    workingSetBytes: usage.memoryWorkingSetBytes,
  }
}

function diskOf(root: string, now: number): object {
  const { bavail, blocks, bsize, bfree, files, ffree } = statfsSync(root)
  return {
    time: toTimestamp(now),
    availableBytes: bavail * bsize,
    capacityBytes: blocks * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodesFree: ffree,
    inodes: files,
    inodesUsed: files - ffree,
  }
}

function podSummary(use: PodUse, meter: RateMeter, now: number): object {
  const { pod, containers } = use
  const { name, namespace, uid } = pod.metadata
  const rates = containers.map(({ id, cpu }) =>
    cpu === undefined ? 0 : (meter.rate(id, cpu.usageCoreNanoSeconds, cpu.timestampMs) ?? cpu.usageNanoCores ?? 0),
  )
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status.startTime,
    containers: containers.map((stats, index) => containerSummary(stats, pod, rates[index] ?? 0)),
    cpu: { time: toTimestamp(now), usageNanoCores: sum(rates), usageCoreNanoSeconds: cpuOf(use) },
    memory: {
      time: toTimestamp(now),
      workingSetBytes: memoryOf(use),
      usageBytes: sum(containers.map(({ memory }) => memory?.usageBytes ?? 0)),
    },
  }
}

function containerSummary({ labels, cpu, memory, writableLayer }: ContainerStats, pod: Pod, usageNanoCores: number): object {
  const name = labels['io.kubernetes.container.name'] ?? ''
  return {
    name,
    startTime: startOf(pod, name),
    cpu: cpu && { time: toTimestamp(cpu.timestampMs), usageNanoCores, usageCoreNanoSeconds: cpu.usageCoreNanoSeconds },
    memory: memory && {
      time: toTimestamp(memory.timestampMs),
      availableBytes: memory.availableBytes,
      usageBytes: memory.usageBytes,
      workingSetBytes: memory.workingSetBytes,
      rssBytes: memory.rssBytes,
      pageFaults: memory.pageFaults,
      majorPageFaults: memory.majorPageFaults,
    },
    rootfs: writableLayer && {
      time: toTimestamp(writableLayer.timestampMs),
      usedBytes: writableLayer.usedBytes,
      inodesUsed: writableLayer.inodesUsed,
    },
  }
}

function startOf(pod: Pod, container: string): string | undefined {
  const statuses = [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? [])]
  return statuses.find(({ name }) => name === container)?.state.running?.startedAt
}

const SECOND = 1e9

async function resourceMetrics(deps: StatsDeps, signal: AbortSignal): Promise<string> {
  const pods = await podUse(deps, signal)
  const node = readNodeUsage()
  const now = deps.clock.now()
  const containers = pods.flatMap(({ pod, containers: list }) => list.map((stats) => ({ pod, stats })))
  const containerLabels = (pod: Pod, { labels }: ContainerStats): string =>
    `{container="${labels['io.kubernetes.container.name'] ?? ''}",namespace="${pod.metadata.namespace ?? ''}",pod="${pod.metadata.name}"}`
  const podLabels = ({ metadata }: Pod): string => `{namespace="${metadata.namespace ?? ''}",pod="${metadata.name}"}`
  return [
    metric(
      'container_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed by the container in core-seconds',
      containers.map(({ pod, stats }) => ({
        labels: containerLabels(pod, stats),
        value: (stats.cpu?.usageCoreNanoSeconds ?? 0) / SECOND,
        atMs: stats.cpu?.timestampMs,
      })),
    ),
    metric(
      'container_memory_working_set_bytes',
      'gauge',
      'Current working set of the container in bytes',
      containers.map(({ pod, stats }) => ({
        labels: containerLabels(pod, stats),
        value: stats.memory?.workingSetBytes ?? 0,
        atMs: stats.memory?.timestampMs,
      })),
    ),
    metric(
      'container_start_time_seconds',
      'gauge',
      'Start time of the container since unix epoch in seconds',
      containers.flatMap(({ pod, stats }) => startSample(pod, stats, containerLabels(pod, stats))),
    ),
    metric('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', [
      { labels: '', value: node.cpuNanoSeconds / SECOND, atMs: now },
    ]),
    metric('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', [
      { labels: '', value: node.memoryWorkingSetBytes, atMs: now },
    ]),
    metric(
      'pod_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed by the pod in core-seconds',
      pods.map((use) => ({ labels: podLabels(use.pod), value: cpuOf(use) / SECOND, atMs: now })),
    ),
    metric(
      'pod_memory_working_set_bytes',
      'gauge',
      'Current working set of the pod in bytes',
      pods.map((use) => ({ labels: podLabels(use.pod), value: memoryOf(use), atMs: now })),
    ),
    metric('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [
      { labels: '', value: 0 },
    ]),
  ].join('')
}

function startSample(pod: Pod, { labels }: ContainerStats, text: string): readonly Sample[] {
  const startedAt = startOf(pod, labels['io.kubernetes.container.name'] ?? '')
  return startedAt === undefined ? [] : [{ labels: text, value: Date.parse(startedAt) / 1000 }]
}

function metric(name: string, type: Metric['type'], help: string, samples: readonly Sample[]): string {
  return metricText({ name, type, help: `[STABLE] ${help}`, samples })
}
