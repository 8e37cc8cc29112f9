import type { ContainerStatus, Pod } from '../../api/types/core-v1.ts'
import type { ContainerStats, LinuxResources, SandboxStats } from '../cri/types.ts'
import { labelText, type Metric, metricText, type Sample } from './prometheus.ts'
import type { NodeUsage } from './usage.ts'

/** What the containers of one pod use, and its network. */
export interface PodFigures {
  readonly pod: Pod
  /** Cgroup of the pod, such as `/kubepods/burstable/pod…`. */
  readonly cgroup: string
  readonly containers: readonly ContainerStats[]
  readonly network: SandboxStats | undefined
  /** What the kernel was told to hold a container to. */
  readonly limitsOf: (container: string) => LinuxResources | undefined
}

export interface ContainerMetricsInput {
  readonly pods: readonly PodFigures[]
  readonly node: NodeUsage
  readonly memoryBytes: number
  readonly processors: number
  readonly nowMs: number
}

const SECOND = 1e9

/** Figures of containers under the names and labels of the kubelet's /metrics/cadvisor, which dashboards and alerts are made for. */
export function containerMetrics(input: ContainerMetricsInput): string {
  return [...usage(input), ...limits(input), ...network(input), ...machine(input)].map(metricText).join('')
}

/** The whole node is the root cgroup; a pod's own figures are the sums of its containers'. */
function usage({ pods, node, nowMs }: ContainerMetricsInput): readonly Metric[] {
  const each = (
    extra: Readonly<Record<string, string>>,
    valueOf: (stats: ContainerStats) => number | undefined,
    whole?: number,
  ): Sample[] => [
    ...(whole === undefined ? [] : [{ labels: labelText({ container: '', ...extra, ...NODE }), value: whole, atMs: nowMs }]),
    ...pods.flatMap((of) => {
      const values = of.containers.map((stats) => ({ stats, value: valueOf(stats) }))
      const known = values.flatMap(({ value }) => value ?? [])
      const total = known.reduce((sum, value) => sum + value, 0)
      const pod = known.length === 0 ? [] : [{ labels: podLabels(of, extra), value: total, atMs: nowMs }]
      return [...pod, ...values.flatMap(({ stats, value }) => sampleOf(of, stats, extra, value))]
    }),
  ]
  const seconds = (nanos: number | undefined): number | undefined => nanos && nanos / SECOND
  const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({ name, type: 'gauge', help, samples })
  return [
    {
      name: 'container_cpu_usage_seconds_total',
      type: 'counter',
      help: 'Cumulative cpu time consumed in seconds.',
      samples: each({ cpu: 'total' }, ({ cpu }) => seconds(cpu?.usageCoreNanoSeconds), node.cpuNanoSeconds / SECOND),
    },
    gauge(
      'container_memory_working_set_bytes',
      'Current working set in bytes.',
      each({}, ({ memory }) => memory?.workingSetBytes, node.memoryWorkingSetBytes),
    ),
    gauge(
      'container_memory_usage_bytes',
      'Current memory usage in bytes, including all memory regardless of when it was accessed.',
      each({}, ({ memory }) => memory?.usageBytes, node.memoryWorkingSetBytes),
    ),
    gauge(
      'container_memory_rss',
      'Size of RSS in bytes.',
      each({}, ({ memory }) => memory?.rssBytes),
    ),
    gauge('container_fs_usage_bytes', 'Number of bytes that are consumed by the container on this filesystem.', [
      ...each({ device: '' }, ({ writableLayer }) => writableLayer?.usedBytes),
    ]),
    gauge(
      'container_last_seen',
      'Last time a container was seen by the exporter.',
      each({}, () => Math.round(nowMs / 1000)),
    ),
    gauge('container_start_time_seconds', 'Start time of the container since unix epoch in seconds.', starts(pods)),
  ]
}

const NODE = { id: '/', image: '', name: '', namespace: '', pod: '' } as const
const nameOf = ({ labels }: ContainerStats): string => labels['io.kubernetes.container.name'] ?? ''

function podLabels({ pod, cgroup }: PodFigures, extra: Readonly<Record<string, string>>): string {
  const { name, namespace = '' } = pod.metadata
  return labelText({ container: '', ...extra, id: cgroup, image: '', name: '', namespace, pod: name })
}

function containerLabels({ pod, cgroup }: PodFigures, stats: ContainerStats, extra: Readonly<Record<string, string>>): string {
  const { name, namespace = '' } = pod.metadata
  const container = nameOf(stats)
  const image = statusOf(pod, container)?.image ?? ''
  return labelText({ container, ...extra, id: `${cgroup}/${stats.id}`, image, name: stats.id, namespace, pod: name })
}

function sampleOf(of: PodFigures, stats: ContainerStats, extra: Readonly<Record<string, string>>, value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels: containerLabels(of, stats, extra), value, atMs: stats.cpu?.timestampMs }]
}

const statusOf = ({ status }: Pod, container: string): ContainerStatus | undefined =>
  [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])].find(({ name }) => name === container)

function starts(pods: readonly PodFigures[]): readonly Sample[] {
  return pods.flatMap((of) =>
    of.containers.flatMap((stats) => {
      const startedAt = statusOf(of.pod, nameOf(stats))?.state.running?.startedAt
      return startedAt === undefined ? [] : [{ labels: containerLabels(of, stats, {}), value: Date.parse(startedAt) / 1000 }]
    }),
  )
}

function limits({ pods }: ContainerMetricsInput): readonly Metric[] {
  const each = (valueOf: (limits: LinuxResources) => number | undefined): readonly Sample[] =>
    pods.flatMap((of) =>
      of.containers.flatMap((stats) => {
        const found = of.limitsOf(nameOf(stats))
        return found === undefined ? [] : sampleOf(of, stats, {}, valueOf(found))
      }),
    )
  const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({ name, type: 'gauge', help, samples })
  return [
    gauge(
      'container_spec_cpu_quota',
      'CPU quota of the container.',
      each(({ cpuQuota }) => cpuQuota),
    ),
    gauge(
      'container_spec_cpu_period',
      'CPU period of the container.',
      each(({ cpuPeriod }) => cpuPeriod),
    ),
    gauge(
      'container_spec_cpu_shares',
      'CPU share of the container.',
      each(({ cpuShares }) => cpuShares),
    ),
    gauge(
      'container_spec_memory_limit_bytes',
      'Memory limit for the container.',
      each(({ memoryLimitInBytes = 0 }) => memoryLimitInBytes),
    ),
  ]
}

function network({ pods, nowMs }: ContainerMetricsInput): readonly Metric[] {
  const counter = (name: string, help: string, key: 'rxBytes' | 'rxErrors' | 'txBytes' | 'txErrors'): Metric => ({
    name,
    type: 'counter',
    help,
    samples: pods.flatMap(({ pod, cgroup, network: of }) =>
      (of?.interfaces ?? []).map((counters) => {
        const { name: podName, namespace = '' } = pod.metadata
        const labels = { id: cgroup, image: '', interface: counters.name, name: of?.id ?? '', namespace, pod: podName }
        return {
          labels: labelText({ container: '', ...labels }),
          value: counters[key],
          atMs: of?.timestampMs === undefined || of.timestampMs === 0 ? nowMs : of.timestampMs,
        }
      }),
    ),
  })
  return [
    counter('container_network_receive_bytes_total', 'Cumulative count of bytes received', 'rxBytes'),
    counter('container_network_receive_errors_total', 'Cumulative count of errors encountered while receiving', 'rxErrors'),
    counter('container_network_transmit_bytes_total', 'Cumulative count of bytes transmitted', 'txBytes'),
    counter('container_network_transmit_errors_total', 'Cumulative count of errors encountered while transmitting', 'txErrors'),
  ]
}

function machine({ memoryBytes, processors }: ContainerMetricsInput): readonly Metric[] {
  return [
    { name: 'machine_cpu_cores', type: 'gauge', help: 'Number of logical CPU cores.', samples: [{ labels: '', value: processors }] },
    {
      name: 'machine_memory_bytes',
      type: 'gauge',
      help: 'Amount of memory installed on the machine.',
      samples: [{ labels: '', value: memoryBytes }],
    },
  ]
}
