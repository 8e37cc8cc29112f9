import type { Device, DeviceAttribute, DeviceTaint, ResourceSlice, ResourceSliceSpec } from '../../../api/types/resource-v1.ts'
import { duplicate, type FieldError, invalid, required, tooLong, tooMany } from '../../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems, labelValueProblems } from '../../../meta/names.ts'
import { checkNodeSelector } from '../pod/validate/affinity.ts'
import { checkFormat, checkImmutable, checkRequiredEnum, type Problems } from '../validation/common.ts'
import { checkLabelName } from '../validation/labels.ts'
import { checkDriver, checkQualifiedName } from './names.ts'

const MAX_DEVICES = 128
const MAX_DEVICES_WITH_EXTRAS = 64
const MAX_ATTRIBUTES = 32
const MAX_VALUE = 64
const MAX_POOL_NAME = 253
const MAX_TAINTS = 16
const MAX_COUNTER_SETS = 8
const ONE_PLACE = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required'
const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/

/** Source: shared validation facts, resource/ResourceSliceSpec and below. */
export function validateResourceSlice({ spec }: ResourceSlice, old: ResourceSlice | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkDriver(spec.driver, 'spec.driver', problems)
  checkPool(spec, problems)
  checkPlace(spec, problems)
  checkDevices(spec, problems)
  checkCounterSets(spec, problems)
  if (old === undefined) return problems
  for (const field of ['nodeName', 'driver'] as const) checkImmutable(spec[field], old.spec[field], `spec.${field}`, problems)
  checkImmutable(spec.pool.name, old.spec.pool.name, 'spec.pool.name', problems)
  return problems
}

function checkPool({ pool }: ResourceSliceSpec, problems: Problems): void {
  if (pool.name === '') problems.push(required('spec.pool.name'))
  else {
    if (pool.name.length > MAX_POOL_NAME) problems.push(tooLong('spec.pool.name', MAX_POOL_NAME))
    for (const part of pool.name.split('/')) checkFormat(part, 'spec.pool.name', dns1123SubdomainProblems, problems)
  }
  if (pool.resourceSliceCount <= 0)
    problems.push(invalid('spec.pool.resourceSliceCount', pool.resourceSliceCount, 'must be greater than zero'))
  if (pool.generation < 0) problems.push(invalid('spec.pool.generation', pool.generation, 'must be greater than or equal to zero'))
}

/** Where the devices are: said once. */
function checkPlace(spec: ResourceSliceSpec, problems: Problems): void {
  const { nodeName, nodeSelector, allNodes, perDeviceNodeSelection: perDevice } = spec
  const set = [nodeName, nodeSelector, allNodes, perDevice].filter((value) => value !== undefined).length
  if (nodeName === '') problems.push(invalid('spec.nodeName', '', 'must be either unset or set to a non-empty string'))
  else if (nodeName !== undefined) checkFormat(nodeName, 'spec.nodeName', dns1123SubdomainProblems, problems)
  if (nodeSelector !== undefined) {
    checkNodeSelector(nodeSelector, 'spec.nodeSelector', problems)
    if (nodeSelector.nodeSelectorTerms.length !== 1)
      problems.push(
        invalid('spec.nodeSelector.nodeSelectorTerms', nodeSelector.nodeSelectorTerms, 'must have exactly one node selector term'),
      )
  }
  if (allNodes === false) problems.push(invalid('spec.allNodes', false, 'must be either unset or set to true'))
  if (perDevice === false) problems.push(invalid('spec.perDeviceNodeSelection', false, 'must be either unset or set to true'))
  if (set === 0) problems.push(required('spec', ONE_PLACE))
  if (set > 1) problems.push(invalid('spec', '', `${ONE_PLACE}, but multiple fields are set`))
}

function checkDevices({ devices = [], sharedCounters = [], perDeviceNodeSelection }: ResourceSliceSpec, problems: Problems): void {
  if (devices.length > 0 && sharedCounters.length > 0)
    problems.push(invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed'))
  const extras = devices.some(({ taints = [], consumesCounters = [] }) => taints.length + consumesCounters.length > 0)
  const max = extras ? MAX_DEVICES_WITH_EXTRAS : MAX_DEVICES
  if (devices.length > max) problems.push(tooMany('spec.devices', devices.length, max))
  const names = new Set<string>()
  devices.forEach((device, i) => {
    const at = `spec.devices[${i}]`
    if (device.name === '') problems.push(required(`${at}.name`))
    else checkFormat(device.name, `${at}.name`, dns1123LabelProblems, problems)
    if (names.has(device.name)) problems.push(duplicate(at, device.name))
    names.add(device.name)
    checkDevice(device, at, problems)
    checkDevicePlace(device, at, perDeviceNodeSelection === true, problems)
  })
}

function checkDevice({ attributes = {}, capacity = {}, taints = [] }: Device, path: string, problems: Problems): void {
  const count = Object.keys(attributes).length + Object.keys(capacity).length
  if (count > MAX_ATTRIBUTES)
    problems.push(invalid(path, count, `the total number of attributes and capacities must not exceed ${MAX_ATTRIBUTES}`))
  for (const [name, attribute] of Object.entries(attributes)) {
    checkQualifiedName(name, `${path}.attributes[${name}]`, false, problems)
    checkAttribute(attribute, `${path}.attributes[${name}]`, problems)
  }
  for (const name of Object.keys(capacity)) checkQualifiedName(name, `${path}.capacity[${name}]`, false, problems)
  if (taints.length > MAX_TAINTS) problems.push(tooMany(`${path}.taints`, taints.length, MAX_TAINTS))
  taints.forEach((taint, i) => {
    checkTaint(taint, `${path}.taints[${i}]`, problems)
  })
}

function checkAttribute(attribute: DeviceAttribute, path: string, problems: Problems): void {
  const { string: text, version } = attribute
  const set = [attribute.bool, attribute.int, text, version].filter((value) => value !== undefined).length
  if (set !== 1) problems.push(invalid(path, attribute, 'exactly one value must be specified'))
  if (text !== undefined && text.length > MAX_VALUE) problems.push(tooLong(`${path}.string`, MAX_VALUE))
  if (version === undefined) return
  if (!SEMVER.test(version)) problems.push(invalid(`${path}.version`, version, 'must be a string compatible with semver.org spec 2.0.0'))
  if (version.length > MAX_VALUE) problems.push(tooLong(`${path}.version`, MAX_VALUE))
}

function checkTaint({ key, value, effect }: DeviceTaint, path: string, problems: Problems): void {
  checkLabelName(key, `${path}.key`, problems)
  checkFormat(value ?? '', `${path}.value`, labelValueProblems, problems)
  checkRequiredEnum(effect, `${path}.effect`, ['NoExecute', 'NoSchedule', 'None'], problems)
}

function checkDevicePlace({ nodeName, nodeSelector, allNodes }: Device, path: string, own: boolean, problems: Problems): void {
  const set = [nodeName, nodeSelector, allNodes].filter((value) => value !== undefined).length
  const text =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
  if (!own) {
    if (set > 0)
      problems.push(
        invalid(
          path,
          '',
          '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
        ),
      )
    return
  }
  if (nodeName === '') problems.push(invalid(`${path}.nodeName`, '', 'must not be empty'))
  if (allNodes === false) problems.push(invalid(`${path}.allNodes`, false, 'must be either unset or set to true'))
  if (set === 0) problems.push(required(path, text))
  if (set > 1) problems.push(invalid(path, '', text))
}

function checkCounterSets({ sharedCounters = [] }: ResourceSliceSpec, problems: Problems): void {
  const path = 'spec.sharedCounters'
  if (sharedCounters.length > MAX_COUNTER_SETS) problems.push(tooMany(path, sharedCounters.length, MAX_COUNTER_SETS))
  sharedCounters.forEach(({ name, counters = {} }, i) => {
    if (name === '') problems.push(required(`${path}[${i}].name`))
    else checkFormat(name, `${path}[${i}].name`, dns1123LabelProblems, problems)
    if (Object.keys(counters).length === 0) problems.push(required(`${path}[${i}].counters`))
    if (sharedCounters.findIndex((other) => other.name === name) < i) problems.push(duplicate(`${path}[${i}]`, name))
  })
}
