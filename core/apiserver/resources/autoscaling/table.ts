import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../../../api/types/autoscaling-v2.ts'
import { NONE, UNKNOWN, UNSET } from '../table/cells.ts'
import { column, created, name, type Table, table } from '../table/table.ts'

const valueOr = (text: string | undefined): string => text ?? UNKNOWN

/** Metrics of outside sources: an average when the target is one, else the value. */
function sourceText(target: MetricTarget, current: MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined) return `${valueOr(current?.averageValue)}/${target.averageValue} (avg)`
  return `${valueOr(current?.value)}/${target.value ?? ''}`
}

function resourceText(resource: string, target: MetricTarget, current: MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined) return `${resource}: ${valueOr(current?.averageValue)}/${target.averageValue}`
  const have = current?.averageUtilization === undefined ? UNKNOWN : `${current.averageUtilization}%`
  const want = target.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`
  return `${resource}: ${have}/${want}`
}

function metricText(spec: MetricSpec, status: MetricStatus | undefined): string {
  const { external, pods, object, resource, containerResource } = spec
  if (spec.type === 'External' && external) return sourceText(external.target, status?.external?.current)
  if (spec.type === 'Object' && object) return sourceText(object.target, status?.object?.current)
  if (spec.type === 'Pods' && pods) return `${valueOr(status?.pods?.current.averageValue)}/${pods.target.averageValue ?? ''}`
  if (spec.type === 'Resource' && resource) return resourceText(resource.name, resource.target, status?.resource?.current)
  if (spec.type === 'ContainerResource' && containerResource)
    return resourceText(containerResource.name, containerResource.target, status?.containerResource?.current)
  return '<unknown type>'
}

function targets({ spec, status }: HorizontalPodAutoscaler): string {
  const metrics = spec.metrics ?? []
  if (metrics.length === 0) return NONE
  const shown = metrics.slice(0, 2).map((metric, i) => metricText(metric, status.currentMetrics[i]))
  return shown.join(', ') + (metrics.length > 2 ? ` + ${metrics.length - 2} more...` : '')
}

export const autoscalerTable: Table<HorizontalPodAutoscaler> = table<HorizontalPodAutoscaler>(
  name,
  column('Reference', ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`),
  column('Targets', targets),
  column('MinPods', ({ spec }) => (spec.minReplicas === undefined ? UNSET : String(spec.minReplicas))),
  column('MaxPods', ({ spec }) => spec.maxReplicas),
  column('Replicas', ({ status }) => status.currentReplicas ?? 0),
  created,
)
