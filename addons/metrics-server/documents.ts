import type { NodeMetrics, PodMetrics } from '../../core/api/types/metrics-v1beta1.ts'
import type { ObjectMeta } from '../../core/api/types/meta-v1.ts'
import { formatDuration } from '../../core/meta/duration.ts'
import { addQuantity, formatQuantity, parseQuantity, quantityOf } from '../../core/meta/quantity.ts'
import { toTimestamp } from '../../core/meta/time.ts'
import type { Usage } from './samples.ts'

export const API_VERSION = 'metrics.k8s.io/v1beta1'

/** What is taken over from the node or pod itself. */
export type Subject = Pick<ObjectMeta, 'name' | 'namespace' | 'labels'>

export function nodeMetrics(subject: Subject, usage: Usage, nowMs: number): NodeMetrics {
  return { metadata: metadataOf(subject, nowMs), ...momentOf(usage), usage: amounts(usage) }
}

/** The pod's moment is that of the container measured longest ago. */
export function podMetrics(subject: Subject, usages: ReadonlyMap<string, Usage>, nowMs: number): PodMetrics {
  const oldest = [...usages.values()].reduce((a, b) => (b.atMs < a.atMs ? b : a))
  const containers = [...usages].map(([name, usage]) => ({ name, usage: amounts(usage) }))
  return { metadata: metadataOf(subject, nowMs), ...momentOf(oldest), containers }
}

function metadataOf({ name, namespace, labels }: Subject, nowMs: number): ObjectMeta {
  const own = { name, ...(namespace !== undefined && { namespace }), creationTimestamp: toTimestamp(nowMs) }
  return { ...own, ...(labels !== undefined && { labels }) } as ObjectMeta
}

function momentOf({ atMs, windowMs }: Usage): { readonly timestamp: string; readonly window: string } {
  return { timestamp: toTimestamp(atMs), window: formatDuration(windowMs) }
}

function amounts({ cpuNanoCores, memoryBytes }: Usage): Readonly<Record<string, string>> {
  return {
    cpu: formatQuantity({ nano: BigInt(cpuNanoCores), format: 'DecimalSI' }),
    memory: formatQuantity(quantityOf(Math.floor(memoryBytes), 'BinarySI')),
  }
}

export type IncludeObject = 'None' | 'Metadata' | 'Object'

export interface TableOptions {
  /** Metadata of the list, or of nothing for one object. */
  readonly metadata: object
  readonly kind: 'NodeMetrics' | 'PodMetrics'
  readonly include: IncludeObject
}

const RESOURCES = ['cpu', 'memory'] as const

/** Source: metrics-server, api/table.go; meta/v1, Table. */
export function tableOf(items: readonly (NodeMetrics | PodMetrics)[], { metadata, kind, include }: TableOptions): object {
  const column = (name: string, format: string, description = ''): object => ({ name, type: 'string', format, description, priority: 0 })
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: [
      column('Name', 'name', 'Name of the resource'),
      ...RESOURCES.map((name) => column(name, 'quantity')),
      column('Window', 'duration'),
    ],
    rows: items.map((item) => {
      const total = 'usage' in item ? item.usage : totalOf(item)
      const cells = [item.metadata.name, ...RESOURCES.map((name) => total[name] ?? '0'), item.window]
      return {
        cells,
        object: include === 'None' ? null : include === 'Object' ? { kind, apiVersion: API_VERSION, ...item } : partial(item),
      }
    }),
  }
}

function partial({ metadata }: NodeMetrics | PodMetrics): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
}

function totalOf({ containers }: PodMetrics): Readonly<Record<string, string>> {
  return Object.fromEntries(
    RESOURCES.map((name) => {
      const sum = containers.map(({ usage }) => parseQuantity(usage[name])).reduce(addQuantity)
      const { nano, format } = sum
      return [name, formatQuantity({ nano, format })]
    }),
  )
}
