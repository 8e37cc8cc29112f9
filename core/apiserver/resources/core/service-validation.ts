import type { Service, ServicePort, ServiceSpec } from '../../../api/types/core-v1.ts'
import { duplicate, type FieldError, forbidden, invalid, required } from '../../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems, qualifiedNameProblems } from '../../../meta/names.ts'
import type { HookContext } from '../resource-def.ts'
import { checkEnum, checkFormat, checkPort, checkPortOrName, checkRequiredEnum, type Problems } from '../validation/common.ts'
import { checkLabels } from '../validation/labels.ts'
import { checkIp, checkRoutableIp, parseCidr } from '../validation/network.ts'
import { checkAddressFields, checkAddressUpdate } from './service-address-validation.ts'
import { isExternallyAccessible, isHeadless, needsHealthCheckPort } from './service-rules.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const POLICIES = ['Cluster', 'Local']
const MAX_AFFINITY_SECONDS = 86_400
const RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges'
const BALANCER_ONLY = "may only be used when `type` is 'LoadBalancer'"

/** Source: shared validation facts, core/v1 Service. */
export function validateService(next: Service, old: Service | undefined, { settings }: HookContext): readonly FieldError[] {
  const problems: Problems = []
  const { spec } = next
  if ((spec.ports?.length ?? 0) === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') problems.push(required('spec.ports'))
  checkType(spec, problems)
  checkPorts(spec, problems)
  checkLabels(spec.selector, 'spec.selector', problems)
  checkAffinity(spec, problems)
  checkAddressFields(next, old, settings, problems)
  spec.externalIPs?.forEach((address, i) => {
    checkRoutableIp(address, `spec.externalIPs[${i}]`, problems)
  })
  checkRequiredEnum(spec.type, 'spec.type', TYPES, problems)
  checkNodePorts(spec, problems)
  checkSourceRanges(next, problems)
  checkBalancer(spec, old?.spec, problems)
  checkTraffic(spec, problems)
  if (old !== undefined) {
    checkAddressUpdate(next, old, problems)
    if (needsHealthCheckPort(old.spec) && needsHealthCheckPort(spec) && spec.healthCheckNodePort !== old.spec.healthCheckNodePort)
      problems.push(forbidden('spec.healthCheckNodePort', 'field is immutable'))
  }
  return problems
}

function checkType(spec: ServiceSpec, problems: Problems): void {
  const { type, externalName = '' } = spec
  if (isHeadless(spec) && (type === 'LoadBalancer' || type === 'NodePort'))
    problems.push(invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`))
  if (type !== 'ExternalName') return
  for (const field of ['clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const)
    if ((spec[field]?.length ?? 0) > 0) problems.push(forbidden(`spec.${field}`, 'may not be set for ExternalName services'))
  // One dot at the end makes the name absolute.
  const name = externalName.endsWith('.') ? externalName.slice(0, -1) : externalName
  if (name === '') problems.push(required('spec.externalName'))
  else checkFormat(name, 'spec.externalName', dns1123SubdomainProblems, problems)
}

function checkPorts(spec: ServiceSpec, problems: Problems): void {
  const { ports = [] } = spec
  const names = new Set<string>()
  const used = new Set<string>()
  ports.forEach((port, i) => {
    const at = `spec.ports[${i}]`
    checkPortSpec(port, at, ports.length > 1, problems)
    const name = port.name ?? ''
    if (name !== '' && names.has(name)) problems.push(duplicate(`${at}.name`, name))
    names.add(name)
    const key = `${port.protocol ?? ''}/${port.port}`
    if (used.has(key)) problems.push(duplicate(at, { port: port.port, protocol: port.protocol }))
    used.add(key)
  })
}

function checkPortSpec(port: ServicePort, path: string, needsName: boolean, problems: Problems): void {
  const { name = '', appProtocol } = port
  if (name !== '') checkFormat(name, `${path}.name`, dns1123LabelProblems, problems)
  else if (needsName) problems.push(required(`${path}.name`))
  checkPort(port.port, `${path}.port`, problems)
  checkRequiredEnum(port.protocol, `${path}.protocol`, PROTOCOLS, problems)
  checkPortOrName(port.targetPort ?? 0, `${path}.targetPort`, problems)
  if (appProtocol !== undefined) checkFormat(appProtocol, `${path}.appProtocol`, qualifiedNameProblems, problems)
}

function checkAffinity({ sessionAffinity, sessionAffinityConfig: config }: ServiceSpec, problems: Problems): void {
  checkRequiredEnum(sessionAffinity, 'spec.sessionAffinity', ['ClientIP', 'None'], problems)
  if (sessionAffinity === 'ClientIP') {
    const seconds = config?.clientIP?.timeoutSeconds
    const text = `when session affinity type is ${sessionAffinity}`
    if (config === undefined) problems.push(required('spec.sessionAffinityConfig', text))
    else if (seconds === undefined) problems.push(required('spec.sessionAffinityConfig.clientIP.timeoutSeconds', text))
    else if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS)
      problems.push(
        invalid(
          'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
          seconds,
          `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`,
        ),
      )
  } else if (sessionAffinity === 'None' && config !== undefined)
    problems.push(forbidden('spec.sessionAffinityConfig', 'must not be set when session affinity is None'))
}

/** Ports of the nodes: unique by protocol, and none for services that have none. */
function checkNodePorts({ type, ports }: ServiceSpec, problems: Problems): void {
  const used = new Set<string>()
  ports?.forEach(({ nodePort = 0, protocol }, i) => {
    if (nodePort === 0) return
    const at = `spec.ports[${i}].nodePort`
    if (type === 'ClusterIP') problems.push(forbidden(at, "may not be used when `type` is 'ClusterIP'"))
    const key = `${protocol ?? ''}/${nodePort}`
    if (used.has(key)) problems.push(duplicate(at, nodePort))
    used.add(key)
  })
}

function checkSourceRanges({ spec, metadata }: Service, problems: Problems): void {
  const annotated = metadata.annotations?.[RANGES_ANNOTATION]
  const at = annotated === undefined ? 'spec.loadBalancerSourceRanges' : `metadata.annotations[${RANGES_ANNOTATION}]`
  const ranges = spec.loadBalancerSourceRanges ?? annotated?.split(',').filter((range) => range.trim() !== '') ?? []
  if (ranges.length === 0) return
  if (spec.type !== 'LoadBalancer') problems.push(forbidden(at, BALANCER_ONLY))
  ranges.forEach((range, i) => {
    if (parseCidr(range.trim()) === undefined)
      problems.push(
        invalid(
          spec.loadBalancerSourceRanges === undefined ? at : `${at}[${i}]`,
          range,
          'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
        ),
      )
  })
}

function checkBalancer(spec: ServiceSpec, old: ServiceSpec | undefined, problems: Problems): void {
  const balanced = spec.type === 'LoadBalancer'
  if (balanced && spec.allocateLoadBalancerNodePorts === undefined) problems.push(required('allocateLoadBalancerNodePorts'))
  if (!balanced && spec.allocateLoadBalancerNodePorts !== undefined)
    problems.push(forbidden('spec.allocateLoadBalancerNodePorts', BALANCER_ONLY))
  const { loadBalancerClass: name } = spec
  if (old?.type === 'LoadBalancer' && balanced && name !== old.loadBalancerClass)
    problems.push(invalid('spec.loadBalancerClass', name ?? null, 'may not change once set'))
  if (name === undefined) return
  if (balanced) checkFormat(name, 'spec.loadBalancerClass', qualifiedNameProblems, problems)
  else problems.push(forbidden('spec.loadBalancerClass', BALANCER_ONLY))
}

function checkTraffic(spec: ServiceSpec, problems: Problems): void {
  const { externalTrafficPolicy = '', healthCheckNodePort = 0, type } = spec
  if (!isExternallyAccessible(spec)) {
    if (externalTrafficPolicy !== '')
      problems.push(invalid('spec.externalTrafficPolicy', externalTrafficPolicy, 'may only be set for externally-accessible services'))
  } else checkRequiredEnum(externalTrafficPolicy, 'spec.externalTrafficPolicy', POLICIES, problems)
  if (!needsHealthCheckPort(spec)) {
    if (healthCheckNodePort !== 0)
      problems.push(
        invalid(
          'spec.healthCheckNodePort',
          healthCheckNodePort,
          "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ),
      )
  } else if (healthCheckNodePort === 0) problems.push(required('spec.healthCheckNodePort'))
  else checkPort(healthCheckNodePort, 'spec.healthCheckNodePort', problems)
  if (type !== 'ExternalName') checkRequiredEnum(spec.internalTrafficPolicy, 'spec.internalTrafficPolicy', POLICIES, problems)
  checkEnum(spec.trafficDistribution, 'spec.trafficDistribution', ['PreferClose', 'PreferSameNode', 'PreferSameZone'], problems)
}

/** Source: shared validation facts, core/LoadBalancerStatus. */
export function validateServiceStatus({ spec, status }: Service): readonly FieldError[] {
  const problems: Problems = []
  const ingress = status.loadBalancer.ingress ?? []
  const path = 'status.loadBalancer.ingress'
  if (ingress.length > 0 && spec.type !== 'LoadBalancer')
    problems.push(forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'"))
  ingress.forEach(({ ip = '', hostname = '', ipMode }, i) => {
    const at = `${path}[${i}]`
    if (ip !== '') {
      checkIp(ip, `${at}.ip`, problems)
      if (ipMode === undefined) problems.push(required(`${at}.ipMode`, 'must be specified when `ip` is set'))
    } else if (ipMode !== undefined) problems.push(forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set'))
    checkEnum(ipMode, `${at}.ipMode`, ['Proxy', 'VIP'], problems)
    if (hostname !== '') {
      checkFormat(hostname, `${at}.hostname`, dns1123SubdomainProblems, problems)
      const before: Problems = []
      checkIp(hostname, '', before)
      if (before.length === 0) problems.push(invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'))
    }
  })
  return problems
}
