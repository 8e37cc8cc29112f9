import type * as v1 from '../../../api/types/autoscaling-v1.ts'
import type * as v2 from '../../../api/types/autoscaling-v2.ts'
import type { KubeObject } from '../../../meta/object.ts'
import type { StorageConversion } from '../resource-def.ts'
import { specFromV1, specToV1, statusFromV1, statusToV1 } from './metric-forms.ts'

type V1 = v1.HorizontalPodAutoscaler
type V2 = v2.HorizontalPodAutoscaler

const METRICS = 'autoscaling.alpha.kubernetes.io/metrics'
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics'
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions'
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior'
const CARRIERS: ReadonlySet<string> = new Set([METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR])
/** Target of a v1 autoscaler that names none and carries no other metric. */
const DEFAULT_CPU_PERCENT = 80

/** What an annotation carries; undefined when it is absent or not JSON, which Kubernetes ignores as well. */
function carried<T>(annotations: Readonly<Record<string, string>> | undefined, key: string): T | undefined {
  const text = annotations?.[key]
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    // A carrier that a user wrote by hand and wrong: as if it were absent.
    return undefined
  }
}

function cpuMetric(percent: number): v2.MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } } }
}

function metricsOf({ metadata, spec }: V1): v2.MetricSpec[] {
  const carriedMetrics = carried<v1.MetricSpec[]>(metadata.annotations, METRICS)
  const percent = spec.targetCPUUtilizationPercentage ?? (metadata.annotations?.[METRICS] === undefined ? DEFAULT_CPU_PERCENT : undefined)
  const own = percent === undefined ? [] : [cpuMetric(percent)]
  return [...(carriedMetrics ?? []).map(specFromV1), ...own]
}

function statusOf({ metadata, status }: V1): v2.HorizontalPodAutoscalerStatus {
  const current = carried<v1.MetricStatus[]>(metadata.annotations, CURRENT_METRICS)?.map(statusFromV1) ?? []
  const { currentCPUUtilizationPercentage: percent, ...rest } = status
  const cpu: v2.MetricStatus[] =
    percent === undefined || current.length > 0
      ? []
      : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: percent } } }]
  const conditions = carried<v2.HorizontalPodAutoscalerCondition[]>(metadata.annotations, CONDITIONS)
  return { ...rest, currentMetrics: [...current, ...cpu], ...(conditions && { conditions }) }
}

function toV2(object: V1): V2 {
  const { minReplicas, maxReplicas, scaleTargetRef } = object.spec
  const behavior = carried<v2.HorizontalPodAutoscalerBehavior>(object.metadata.annotations, BEHAVIOR)
  const kept = Object.entries(object.metadata.annotations ?? {}).filter(([key]) => !CARRIERS.has(key))
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v2',
    metadata: { ...object.metadata, annotations: kept.length > 0 ? Object.fromEntries(kept) : undefined },
    spec: { scaleTargetRef, minReplicas, maxReplicas, metrics: metricsOf(object), ...(behavior && { behavior }) },
    status: statusOf(object),
  }
}

const isCpuShare = (metric: v2.MetricSpec): boolean =>
  metric.type === 'Resource' && metric.resource?.name === 'cpu' && metric.resource.target.averageUtilization !== undefined
const isCpu = (metric: v2.MetricStatus): boolean => metric.type === 'Resource' && metric.resource?.name === 'cpu'

/** Annotations for what v1 has no field for; a key only where there is something to carry. */
function carriersOf({ spec, status }: V2): Record<string, string> {
  const out: Record<string, string> = {}
  const metrics = (spec.metrics ?? []).filter((metric) => !isCpuShare(metric))
  const current = status.currentMetrics.filter((metric) => !isCpu(metric))
  if (metrics.length > 0) out[METRICS] = JSON.stringify(metrics.map(specToV1))
  if (current.length > 0) out[CURRENT_METRICS] = JSON.stringify(current.map(statusToV1))
  if (status.conditions !== undefined && status.conditions.length > 0) out[CONDITIONS] = JSON.stringify(status.conditions)
  if (spec.behavior !== undefined) out[BEHAVIOR] = JSON.stringify(spec.behavior)
  return out
}

function toV1(object: V2): V1 {
  const { spec, status, metadata } = object
  const annotations = { ...metadata.annotations, ...carriersOf(object) }
  const percent = spec.metrics?.find(isCpuShare)?.resource?.target.averageUtilization
  const current = status.currentMetrics.find(isCpu)?.resource?.current.averageUtilization
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v1',
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: {
      scaleTargetRef: spec.scaleTargetRef,
      minReplicas: spec.minReplicas,
      maxReplicas: spec.maxReplicas,
      ...(percent !== undefined && { targetCPUUtilizationPercentage: percent }),
    },
    status: {
      observedGeneration: status.observedGeneration,
      lastScaleTime: status.lastScaleTime,
      currentReplicas: status.currentReplicas ?? 0,
      desiredReplicas: status.desiredReplicas,
      ...(current !== undefined && { currentCPUUtilizationPercentage: current }),
    },
  }
}

/** v1 is stored as v2. Source: shared facts on kinds, "storedAs". */
export const autoscalerConversion: StorageConversion<V1> = {
  hub: 'autoscaling/v2',
  toHub: (object) => toV2(object),
  fromHub: (stored: KubeObject) => toV1(stored as V2),
}
