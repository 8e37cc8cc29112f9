import { metricsPods } from '../../core/api/kinds.ts'
import type { Client } from '../../core/client/client.ts'
import { parseDuration } from '../../core/meta/duration.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import { parseQuantity } from '../../core/meta/quantity.ts'
import { type ResourceType, resourceType } from '../../core/meta/resource-type.ts'
import { messageOf } from '../runtime/failure.ts'
import type { Sample, Samples } from './replicas.ts'

/** An item of custom.metrics.k8s.io and external.metrics.k8s.io. */
interface MetricValue {
  readonly describedObject?: { readonly name?: string }
  readonly timestamp?: string
  readonly windowSeconds?: number
  readonly window?: string
  readonly value: string
}

const CUSTOM = 'custom.metrics.k8s.io/v1beta2'
const EXTERNAL = 'external.metrics.k8s.io/v1beta1'
const DEFAULT_WINDOW_MS = 60_000

export interface PodQuery {
  readonly namespace: string
  /** Label selector text of the scaled pods. */
  readonly selector: string
}

/** Reads the three metrics APIs. Throws StatusError when an API is not served, and Error when it knows nothing. */
export class MetricsSource {
  readonly #client: Client
  readonly #signal: AbortSignal

  constructor(client: Client, signal: AbortSignal) {
    this.#client = client
    this.#signal = signal
  }

  /** Use of a resource by pod, of all containers or of one. Pods without that container are left out. */
  async resource({ namespace, selector }: PodQuery, resource: string, container?: string): Promise<Samples> {
    const { items } = await named('resource', this.#client.list(metricsPods, { namespace, labelSelector: selector }, this.#signal))
    if (items.length === 0) throw new Error(`no metrics returned from resource metrics API`)
    const samples = new Map<string, Sample>()
    for (const { metadata, containers, timestamp, window } of items) {
      const counted = containers.filter(
        ({ name, usage }) => usage[resource] !== undefined && (container === undefined || container === name),
      )
      // One container that is not measured would make the pod look idle.
      if (counted.length === 0 || (container === undefined && counted.length < containers.length)) continue
      const value = counted.reduce((sum, { usage }) => sum + parseQuantity(usage[resource]).nano, 0n)
      samples.set(metadata.name, { value, timestampMs: Date.parse(timestamp), windowMs: parseDuration(window) ?? DEFAULT_WINDOW_MS })
    }
    if (samples.size === 0) throw new Error(`no recommendation`)
    return samples
  }

  /** A custom metric by pod. */
  async pods({ namespace, selector }: PodQuery, metric: string): Promise<Samples> {
    const items = await this.#values(CUSTOM, `pods/*/${encodeURIComponent(metric)}`, namespace, selector)
    if (items.length === 0) throw new Error('no metrics returned from custom metrics API')
    return new Map(items.map((item) => [item.describedObject?.name ?? '', toSample(item)]))
  }

  /** A custom metric of one object, such as an Ingress. `resource` is its plural with group. */
  async object(namespace: string, resource: string, name: string, metric: string): Promise<bigint> {
    const path = `${resource}/${encodeURIComponent(name)}/${encodeURIComponent(metric)}`
    const [item] = await this.#values(CUSTOM, path, namespace)
    if (item === undefined) throw new Error('no metrics returned from custom metrics API')
    return parseQuantity(item.value).nano
  }

  /** Sum of all series of an external metric that the selector matches. */
  async external(namespace: string, metric: string, selector: string): Promise<bigint> {
    const items = await this.#values(EXTERNAL, encodeURIComponent(metric), namespace, selector)
    if (items.length === 0) throw new Error('no metrics returned from external metrics API')
    return items.reduce((sum, { value }) => sum + parseQuantity(value).nano, 0n)
  }

  async #values(apiVersion: string, path: string, namespace: string, labelSelector?: string): Promise<readonly MetricValue[]> {
    const type: ResourceType<KubeObject> = resourceType(apiVersion, path, 'MetricValue', true)
    const api = apiVersion === EXTERNAL ? 'external' : 'custom'
    const { items } = await named(api, this.#client.list(type, { namespace, labelSelector }, this.#signal))
    return items as unknown as readonly MetricValue[]
  }
}

/** Says which of the three APIs did not answer: most often none is installed. */
async function named<T>(api: 'resource' | 'custom' | 'external', answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (err) {
    throw new Error(`unable to fetch metrics from ${api} metrics API: ${messageOf(err)}`, { cause: err })
  }
}

function toSample({ value, timestamp, windowSeconds }: MetricValue): Sample {
  const windowMs = windowSeconds === undefined ? DEFAULT_WINDOW_MS : windowSeconds * 1000
  return { value: parseQuantity(value).nano, timestampMs: Date.parse(timestamp ?? ''), windowMs }
}
