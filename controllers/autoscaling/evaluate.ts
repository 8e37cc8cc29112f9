import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget } from '../../core/api/types/autoscaling-v2.ts'
import type { Discovery } from '../../core/client/discovery.ts'
import { formatQuantity, parseQuantity } from '../../core/meta/quantity.ts'
import { groupResourceOf } from '../../core/meta/resource-type.ts'
import { formatSelector, selectorOf } from '../../core/meta/selector.ts'
import type { MetricsSource, PodQuery } from './metrics-source.ts'
import { byAverage, byShare, byTotal, byUtilization, type Proposal, type Question, type Samples } from './replicas.ts'

/** What one metric of an autoscaler says. */
export interface Evaluation {
  readonly replicas: number
  readonly status: MetricStatus
  /** As conditions and events name it. */
  readonly name: string
}

/** A metric that could not be had; `reason` is that of the ScalingActive condition. */
export class MetricError extends Error {
  override readonly name = 'MetricError'
  readonly reason: string

  constructor(reason: string, message: string, cause: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

export interface Inquiry {
  readonly autoscaler: HorizontalPodAutoscaler
  readonly question: Omit<Question, 'samples'>
  readonly query: PodQuery
  readonly source: MetricsSource
  readonly discovery: Discovery
  readonly signal: AbortSignal
}

/** Throws MetricError. */
export async function evaluate(spec: MetricSpec, inquiry: Inquiry): Promise<Evaluation> {
  const [reason, what] = FAILURES[spec.type] ?? ['InvalidMetricSourceType', `unknown metric source type ${JSON.stringify(spec.type)}`]
  try {
    const evaluation = await byType(spec, inquiry)
    if (evaluation === undefined) throw new Error('the metric source is incomplete')
    return evaluation
  } catch (err) {
    inquiry.signal.throwIfAborted()
    throw new MetricError(reason, `${what}: ${err instanceof Error ? err.message : String(err)}`, err)
  }
}

const FAILURES: Readonly<Record<string, readonly [reason: string, what: string]>> = {
  Resource: ['FailedGetResourceMetric', 'failed to get resource utilization'],
  ContainerResource: ['FailedGetContainerResourceMetric', 'failed to get container resource utilization'],
  Pods: ['FailedGetPodsMetric', 'failed to get pods metric value'],
  Object: ['FailedGetObjectMetric', 'failed to get object metric value'],
  External: ['FailedGetExternalMetric', 'failed to get external metric'],
}

async function byType(spec: MetricSpec, inquiry: Inquiry): Promise<Evaluation | undefined> {
  const { question, query, source } = inquiry
  const { type, resource, containerResource, pods, external } = spec
  if (type === 'Resource' && resource !== undefined) {
    const samples = await source.resource(query, resource.name)
    const { proposal, kind } = fromResource(inquiry, samples, resource)
    const name = `${resource.name} resource${kind}`
    return { replicas: proposal.replicas, name, status: { type, resource: { name: resource.name, current: currentOf(proposal) } } }
  }
  if (type === 'ContainerResource' && containerResource !== undefined) {
    const { name: resourceName, container } = containerResource
    const samples = await source.resource(query, resourceName, container)
    const { proposal, kind } = fromResource(inquiry, samples, containerResource, container)
    const status = { type, containerResource: { name: resourceName, container, current: currentOf(proposal) } }
    return { replicas: proposal.replicas, name: `${resourceName} container resource${kind}`, status }
  }
  if (type === 'Pods' && pods !== undefined) {
    const samples = await source.pods(query, pods.metric.name)
    const proposal = byAverage({ ...question, samples }, amount(pods.target.averageValue))
    const status = { type, pods: { metric: pods.metric, current: currentOf(proposal) } }
    return { replicas: proposal.replicas, name: `pods metric ${pods.metric.name}`, status }
  }
  if (type === 'Object') return fromObject(spec, inquiry)
  if (type !== 'External' || external === undefined) return undefined
  const { metric, target } = external
  const value = await source.external(query.namespace, metric.name, formatSelector(selectorOf(metric.selector ?? {})))
  const { proposal, current } = fromValue(inquiry, value, target)
  return { replicas: proposal.replicas, name: `external metric ${metric.name}`, status: { type, external: { metric, current } } }
}

function fromResource(
  { question }: Inquiry,
  samples: Samples,
  { name, target }: { readonly name: string; readonly target: MetricTarget },
  container?: string,
): { readonly proposal: Proposal; readonly kind: string } {
  const asked = { ...question, samples }
  if (target.averageValue !== undefined) return { proposal: byAverage(asked, amount(target.averageValue), name === 'cpu'), kind: '' }
  const proposal = byUtilization(asked, name, target.averageUtilization ?? 80, container)
  return { proposal, kind: ' utilization (percentage of request)' }
}

async function fromObject({ type, object }: MetricSpec, inquiry: Inquiry): Promise<Evaluation | undefined> {
  if (object === undefined) return undefined
  const { describedObject, metric, target } = object
  const { resources } = await inquiry.discovery.resources(inquiry.signal)
  const group = describedObject.apiVersion?.includes('/') === true ? describedObject.apiVersion.split('/')[0] : ''
  const found = resources.find((each) => each.type.kind === describedObject.kind && each.type.group === group)
  if (found === undefined) throw new Error(`no matches for kind ${JSON.stringify(describedObject.kind)}`)
  const { namespace } = inquiry.query
  const value = await inquiry.source.object(namespace, groupResourceOf(found.type), describedObject.name, metric.name)
  const { proposal, current } = fromValue(inquiry, value, target)
  const name = `${describedObject.kind} metric ${metric.name}`
  return { replicas: proposal.replicas, name, status: { type, object: { metric, describedObject, current } } }
}

function fromValue(
  { question }: Inquiry,
  value: bigint,
  target: MetricTarget,
): { readonly proposal: Proposal; readonly current: { readonly value?: string; readonly averageValue?: string } } {
  const asked = { ...question, samples: new Map() }
  if (target.averageValue === undefined) return { proposal: byTotal(asked, value, amount(target.value)), current: { value: text(value) } }
  const proposal = byShare(asked, value, amount(target.averageValue))
  return { proposal, current: { averageValue: text(proposal.average) } }
}

function currentOf({ utilization, average }: Proposal): { readonly averageUtilization?: number; readonly averageValue: string } {
  return { ...(utilization !== undefined && { averageUtilization: utilization }), averageValue: text(average) }
}

function amount(value: string | undefined): bigint {
  const { nano } = parseQuantity(value)
  if (nano <= 0n) throw new Error('the target of the metric is not a positive amount')
  return nano
}

/** Whole thousandths, as metrics are reported. */
function text(nano: bigint): string {
  return formatQuantity({ nano: (nano / 1_000_000n) * 1_000_000n, format: 'DecimalSI' })
}
