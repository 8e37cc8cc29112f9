import type { MetricIdentifier, MetricSpec, MetricTarget } from '../../../api/types/autoscaling-v2.ts'
import { forbidden, invalid, notSupported, required } from '../../../meta/field-error.ts'
import { pathSegmentProblems } from '../../../meta/names.ts'
import { parseQuantity } from '../../../meta/quantity.ts'
import { checkFormat, checkRequired, type Problems } from '../validation/common.ts'
import { checkLabelSelector } from '../validation/labels.ts'
import { checkReference } from './reference.ts'

const TYPES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource']
const SOURCES = {
  object: 'Object',
  pods: 'Pods',
  resource: 'Resource',
  containerResource: 'ContainerResource',
  external: 'External',
} as const
const TARGET_TYPES = ['AverageValue', 'Utilization', 'Value']

/** Source: shared validation facts, autoscaling/MetricSpec and below. */
export function checkMetrics(metrics: readonly MetricSpec[], path: string, problems: Problems): void {
  metrics.forEach((metric, i) => {
    checkMetric(metric, `${path}[${i}]`, problems)
  })
}

function checkMetric(metric: MetricSpec, path: string, problems: Problems): void {
  if (metric.type === '') problems.push(required(`${path}.type`, 'must specify a metric source type'))
  if (!TYPES.includes(metric.type)) problems.push(notSupported(`${path}.type`, metric.type, TYPES))
  checkObject(metric, path, problems)
  checkExternal(metric, path, problems)
  checkPods(metric, path, problems)
  checkResource(metric, path, problems)
  for (const [field, type] of Object.entries(SOURCES)) {
    const set = metric[field as keyof typeof SOURCES] !== undefined
    if (type === metric.type && !set) problems.push(required(`${path}.${field}`, 'must populate information for the given metric source'))
    if (type !== metric.type && set) problems.push(forbidden(`${path}.${field}`, 'must populate the given metric source only'))
  }
}

function checkObject({ object }: MetricSpec, path: string, problems: Problems): void {
  if (object === undefined) return
  const at = `${path}.object`
  checkReference(object.describedObject, `${at}.describedObject`, problems)
  checkIdentifier(object.metric, `${at}.metric`, problems)
  checkTarget(object.target, `${at}.target`, problems)
  if (object.target.value === undefined && object.target.averageValue === undefined)
    problems.push(required(`${at}.target.averageValue`, 'must set either a target value or averageValue'))
}

function checkExternal({ external }: MetricSpec, path: string, problems: Problems): void {
  if (external === undefined) return
  const at = `${path}.external`
  checkIdentifier(external.metric, `${at}.metric`, problems)
  checkTarget(external.target, `${at}.target`, problems)
  const { value, averageValue } = external.target
  if (value === undefined && averageValue === undefined)
    problems.push(required(`${at}.target.averageValue`, 'must set either a target value for metric or a per-pod target'))
  if (value !== undefined && averageValue !== undefined)
    problems.push(forbidden(`${at}.target.value`, 'may not set both a target value for metric and a per-pod target'))
}

function checkPods({ pods }: MetricSpec, path: string, problems: Problems): void {
  if (pods === undefined) return
  const at = `${path}.pods`
  checkIdentifier(pods.metric, `${at}.metric`, problems)
  checkTarget(pods.target, `${at}.target`, problems)
  if (parseQuantity(pods.target.averageValue).nano <= 0n)
    problems.push(required(`${at}.target.averageValue`, 'must specify a positive target averageValue'))
}

function checkResource({ resource, containerResource }: MetricSpec, path: string, problems: Problems): void {
  if (resource !== undefined) checkShare(resource, `${path}.resource`, problems)
  if (containerResource !== undefined) {
    checkRequired(containerResource.container, `${path}.containerResource.container`, problems, 'must specify a container')
    checkShare(containerResource, `${path}.containerResource`, problems)
  }
}

function checkShare({ name, target }: { readonly name: string; readonly target: MetricTarget }, path: string, problems: Problems): void {
  checkRequired(name, `${path}.name`, problems, 'must specify a resource name')
  checkTarget(target, `${path}.target`, problems)
  if (target.averageUtilization === undefined && target.averageValue === undefined)
    problems.push(required(`${path}.target.averageUtilization`, 'must set either a target raw value or a target utilization'))
  if (target.averageUtilization !== undefined && target.averageValue !== undefined)
    problems.push(forbidden(`${path}.target.averageValue`, 'may not set both a target raw value and a target utilization'))
}

function checkIdentifier({ name, selector }: MetricIdentifier, path: string, problems: Problems): void {
  if (name === '') problems.push(required(`${path}.name`, 'must specify a metric name'))
  else checkFormat(name, `${path}.name`, pathSegmentProblems, problems)
  checkLabelSelector(selector, `${path}.selector`, problems)
}

function checkTarget({ type, value, averageValue, averageUtilization }: MetricTarget, path: string, problems: Problems): void {
  if (type === '') problems.push(required(`${path}.type`, 'must specify a metric target type'))
  if (!TARGET_TYPES.includes(type)) problems.push(invalid(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'))
  if (value !== undefined && parseQuantity(value).nano <= 0n) problems.push(invalid(`${path}.value`, value, 'must be positive'))
  if (averageValue !== undefined && parseQuantity(averageValue).nano <= 0n)
    problems.push(invalid(`${path}.averageValue`, averageValue, 'must be positive'))
  if (averageUtilization !== undefined && averageUtilization < 1)
    problems.push(invalid(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0'))
}
