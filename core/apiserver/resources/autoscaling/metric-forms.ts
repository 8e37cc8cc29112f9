import type * as v1 from '../../../api/types/autoscaling-v1.ts'
import type * as v2 from '../../../api/types/autoscaling-v2.ts'
import type { LabelSelector } from '../../../api/types/meta-v1.ts'

/**
 * autoscaling/v1 keeps what it has no field for in annotations, in the shape below. Only these four functions know it.
 * Source: Kubernetes API reference, HorizontalPodAutoscaler v1 and v2.
 */

const identifier = (name: string, selector: LabelSelector | undefined): v2.MetricIdentifier => ({ name, ...(selector && { selector }) })

function valueTarget(value: string | undefined, averageValue: string | undefined): v2.MetricTarget {
  return averageValue === undefined ? { type: 'Value', value } : { type: 'AverageValue', averageValue }
}

function resourceTarget(utilization: number | undefined, averageValue: string | undefined): v2.MetricTarget {
  return utilization === undefined ? { type: 'AverageValue', averageValue } : { type: 'Utilization', averageUtilization: utilization }
}

export function specFromV1(spec: v1.MetricSpec): v2.MetricSpec {
  const { type, object, pods, resource, containerResource, external } = spec
  return {
    type,
    object: object && {
      describedObject: object.target,
      target: valueTarget(object.targetValue, object.averageValue),
      metric: identifier(object.metricName, object.selector),
    },
    pods: pods && {
      metric: identifier(pods.metricName, pods.selector),
      target: { type: 'AverageValue', averageValue: pods.targetAverageValue },
    },
    resource: resource && {
      name: resource.name,
      target: resourceTarget(resource.targetAverageUtilization, resource.targetAverageValue),
    },
    containerResource: containerResource && {
      name: containerResource.name,
      container: containerResource.container,
      target: resourceTarget(containerResource.targetAverageUtilization, containerResource.targetAverageValue),
    },
    external: external && {
      metric: identifier(external.metricName, external.metricSelector),
      target: valueTarget(external.targetValue, external.targetAverageValue),
    },
  }
}

export function specToV1(spec: v2.MetricSpec): v1.MetricSpec {
  const { object, pods, resource, containerResource, external } = spec
  return {
    type: spec.type as v1.MetricSpec['type'],
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      targetValue: object.target.value ?? '0',
      selector: object.metric.selector,
      averageValue: object.target.averageValue,
    },
    pods: pods && {
      metricName: pods.metric.name,
      targetAverageValue: pods.target.averageValue ?? '0',
      selector: pods.metric.selector,
    },
    resource: resource && {
      name: resource.name,
      targetAverageUtilization: resource.target.averageUtilization,
      targetAverageValue: resource.target.averageValue,
    },
    containerResource: containerResource && {
      name: containerResource.name,
      container: containerResource.container,
      targetAverageUtilization: containerResource.target.averageUtilization,
      targetAverageValue: containerResource.target.averageValue,
    },
    external: external && {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      targetValue: external.target.value,
      targetAverageValue: external.target.averageValue,
    },
  }
}

export function statusFromV1(status: v1.MetricStatus): v2.MetricStatus {
  const { type, object, pods, resource, containerResource, external } = status
  return {
    type,
    object: object && {
      describedObject: object.target,
      metric: identifier(object.metricName, object.selector),
      current: { value: object.currentValue, averageValue: object.averageValue },
    },
    pods: pods && { metric: identifier(pods.metricName, pods.selector), current: { averageValue: pods.currentAverageValue } },
    resource: resource && { name: resource.name, current: resourceCurrent(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      container: containerResource.container,
      current: resourceCurrent(containerResource),
    },
    external: external && {
      metric: identifier(external.metricName, external.metricSelector),
      current: { value: external.currentValue, averageValue: external.currentAverageValue },
    },
  }
}

function resourceCurrent(status: v1.ResourceMetricStatus): v2.MetricValueStatus {
  return { averageUtilization: status.currentAverageUtilization, averageValue: status.currentAverageValue }
}

export function statusToV1(status: v2.MetricStatus): v1.MetricStatus {
  const { object, pods, resource, containerResource, external } = status
  return {
    type: status.type as v1.MetricStatus['type'],
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      currentValue: object.current.value ?? '0',
      selector: object.metric.selector,
      averageValue: object.current.averageValue,
    },
    pods: pods && {
      metricName: pods.metric.name,
      currentAverageValue: pods.current.averageValue ?? '0',
      selector: pods.metric.selector,
    },
    resource: resource && { name: resource.name, ...currentToV1(resource.current) },
    containerResource: containerResource && {
      name: containerResource.name,
      container: containerResource.container,
      ...currentToV1(containerResource.current),
    },
    external: external && {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      currentValue: external.current.value ?? '0',
      currentAverageValue: external.current.averageValue,
    },
  }
}

function currentToV1(current: v2.MetricValueStatus): Omit<v1.ResourceMetricStatus, 'name'> {
  return { currentAverageUtilization: current.averageUtilization, currentAverageValue: current.averageValue ?? '0' }
}
