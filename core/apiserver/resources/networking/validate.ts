import type { TypedLocalObjectReference } from '../../../api/types/core-v1.ts'
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../../api/types/networking-v1.ts'
import { type FieldError, forbidden, invalid, notSupported, required, tooLong } from '../../../meta/field-error.ts'
import {
  dns1035LabelProblems,
  dns1123LabelProblems,
  dns1123SubdomainProblems,
  pathSegmentProblems,
  portNameProblems,
  rangeText,
  wildcardSubdomainProblems,
} from '../../../meta/names.ts'
import { checkEnum, checkFormat, checkImmutable, checkPort, checkPortOrName, checkRequired, type Problems } from '../validation/common.ts'
import { checkDomainPath } from '../validation/domain-path.ts'
import { checkLabelSelector } from '../validation/labels.ts'
import { checkCidr, checkIp, isIpAddress, isStrictSubset, parseCidr } from '../validation/network.ts'

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix']
const NOT_AN_ADDRESS = 'must be a DNS name, not an IP address'

/** Source: shared validation facts, networking.k8s.io/v1 Ingress. */
export function validateIngress({ spec, metadata }: Ingress, old: Ingress | undefined): readonly FieldError[] {
  const problems: Problems = []
  const { rules = [], defaultBackend, ingressClassName } = spec
  if (rules.length === 0 && defaultBackend === undefined)
    problems.push(invalid('spec', rules, 'either `defaultBackend` or `rules` must be specified'))
  if (defaultBackend !== undefined) checkBackend(defaultBackend, 'spec.defaultBackend', problems)
  rules.forEach((rule, i) => {
    checkHost(rule.host ?? '', `spec.rules[${i}].host`, problems)
    if (rule.http === undefined) return
    if (rule.http.paths.length === 0) problems.push(required(`spec.rules[${i}].http.paths`))
    rule.http.paths.forEach((path, j) => {
      checkPath(path, `spec.rules[${i}].http.paths[${j}]`, problems)
    })
  })
  checkTls(spec.tls ?? [], problems)
  if (ingressClassName !== undefined) checkFormat(ingressClassName, 'spec.ingressClassName', dns1123SubdomainProblems, problems)
  const annotated = metadata.annotations?.[CLASS_ANNOTATION]
  if (old === undefined && annotated !== undefined && ingressClassName !== undefined && annotated !== ingressClassName)
    problems.push(invalid(`metadata.annotations[${CLASS_ANNOTATION}]`, annotated, 'must match `ingressClassName` when both are specified'))
  return problems
}

function checkHost(host: string, path: string, problems: Problems): void {
  if (host === '') return
  if (isIpAddress(host)) problems.push(invalid(path, host, NOT_AN_ADDRESS))
  checkFormat(host, path, host.includes('*') ? wildcardSubdomainProblems : dns1123SubdomainProblems, problems)
}

function checkTls(tls: NonNullable<Ingress['spec']['tls']>, problems: Problems): void {
  tls.forEach(({ hosts = [], secretName = '' }, i) => {
    hosts.forEach((host, j) => {
      const format = host.includes('*') ? wildcardSubdomainProblems : dns1123SubdomainProblems
      checkFormat(host, `spec.tls[${i}].hosts[${j}]`, format, problems)
    })
    if (secretName !== '') checkFormat(secretName, `spec.tls[${i}].secretName`, dns1123SubdomainProblems, problems)
  })
}

const FORBIDDEN_PARTS = ['//', '/./', '/../', '%2f', '%2F']
const FORBIDDEN_ENDS = ['/..', '/.']

function checkPath(rule: HTTPIngressPath, path: string, problems: Problems): void {
  const type = (rule.pathType as string | null | undefined) ?? ''
  const text = rule.path ?? ''
  if (type === '') problems.push(required(`${path}.pathType`, 'pathType must be specified'))
  else if (type === 'ImplementationSpecific') {
    if (text !== '' && !text.startsWith('/')) problems.push(invalid(`${path}.path`, text, 'must be an absolute path'))
  } else if (PATH_TYPES.includes(type)) {
    if (!text.startsWith('/')) problems.push(invalid(`${path}.path`, text, 'must be an absolute path'))
    for (const part of FORBIDDEN_PARTS) if (text.includes(part)) problems.push(invalid(`${path}.path`, text, `must not contain '${part}'`))
    for (const end of FORBIDDEN_ENDS) if (text.endsWith(end)) problems.push(invalid(`${path}.path`, text, `cannot end with '${end}'`))
  } else problems.push(notSupported(`${path}.pathType`, type, PATH_TYPES))
  checkBackend(rule.backend, `${path}.backend`, problems)
}

function checkBackend(backend: IngressBackend, path: string, problems: Problems): void {
  const { service, resource } = backend
  if (service !== undefined && resource !== undefined) problems.push(invalid(path, '', 'cannot set both resource and service backends'))
  else if (resource !== undefined) checkReference(resource, `${path}.resource`, problems)
  else if (service === undefined) problems.push(invalid(path, '', 'resource or service backend is required'))
  else checkServiceBackend(service, path, problems)
}

function checkServiceBackend({ name, port }: NonNullable<IngressBackend['service']>, path: string, problems: Problems): void {
  if (name === '') problems.push(required(`${path}.service.name`))
  else checkFormat(name, `${path}.service.name`, dns1035LabelProblems, problems)
  const [portName, number] = [port.name ?? '', port.number ?? 0]
  if (portName !== '' && number !== 0) problems.push(invalid(path, '', 'cannot set both port name & port number'))
  else if (portName !== '') checkFormat(portName, `${path}.service.port.name`, portNameProblems, problems)
  else if (number !== 0) checkPort(number, `${path}.service.port.number`, problems)
  else problems.push(required(path, 'port name or number is required'))
}

function checkReference(ref: TypedLocalObjectReference, path: string, problems: Problems): void {
  const group = (ref.apiGroup as string | null) ?? undefined
  if (group !== undefined) checkFormat(group, `${path}.apiGroup`, dns1123SubdomainProblems, problems)
  for (const field of ['kind', 'name'] as const)
    if (ref[field] === '') problems.push(required(`${path}.${field}`))
    else checkFormat(ref[field], `${path}.${field}`, pathSegmentProblems, problems)
}

/** Source: shared validation facts, networking/IngressLoadBalancerStatus. */
export function validateIngressStatus({ status }: Ingress): readonly FieldError[] {
  const problems: Problems = []
  status.loadBalancer.ingress?.forEach(({ ip = '', hostname = '' }, i) => {
    const at = `status.loadBalancer.ingress[${i}]`
    if (ip !== '') checkIp(ip, `${at}.ip`, problems)
    if (hostname === '') return
    checkFormat(hostname, `${at}.hostname`, dns1123SubdomainProblems, problems)
    if (isIpAddress(hostname)) problems.push(invalid(`${at}.hostname`, hostname, NOT_AN_ADDRESS))
  })
  return problems
}

const MAX_CONTROLLER = 250

/** Source: shared validation facts, networking.k8s.io/v1 IngressClass. */
export function validateIngressClass({ spec }: IngressClass, old: IngressClass | undefined): readonly FieldError[] {
  const problems: Problems = []
  const { controller = '', parameters } = spec
  if (controller.length > MAX_CONTROLLER) problems.push(tooLong('spec.controller', MAX_CONTROLLER))
  checkDomainPath(controller, 'spec.controller', problems)
  if (parameters !== undefined) {
    checkReference({ ...parameters, apiGroup: parameters.apiGroup as string }, 'spec.parameters', problems)
    checkScope(parameters, 'spec.parameters', problems)
  }
  if (old !== undefined) checkImmutable(spec.controller, old.spec.controller, 'spec.controller', problems)
  return problems
}

type Parameters = NonNullable<IngressClass['spec']['parameters']>

function checkScope({ scope, namespace }: Parameters, path: string, problems: Problems): void {
  if (((scope as string | null) ?? '') === '') problems.push(required(`${path}.scope`))
  else checkEnum(scope, `${path}.scope`, ['Cluster', 'Namespace'], problems)
  if (scope === 'Namespace') {
    if ((namespace ?? '') === '') problems.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"))
    else checkFormat(namespace ?? '', `${path}.namespace`, dns1123LabelProblems, problems)
  }
  if (scope === 'Cluster' && namespace !== undefined)
    problems.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"))
}

/** Source: shared validation facts, networking.k8s.io/v1 NetworkPolicy. */
export function validateNetworkPolicy({ spec }: NetworkPolicy): readonly FieldError[] {
  const problems: Problems = []
  checkLabelSelector(spec.podSelector, 'spec.podSelector', problems)
  spec.ingress?.forEach(({ ports, from }, i) => {
    checkRule({ ports, peers: from }, `spec.ingress[${i}]`, 'from', problems)
  })
  spec.egress?.forEach(({ ports, to }, i) => {
    checkRule({ ports, peers: to }, `spec.egress[${i}]`, 'to', problems)
  })
  const { policyTypes = [] } = spec
  if (policyTypes.length > 2) problems.push(invalid('spec.policyTypes', policyTypes, 'may not specify more than two policyTypes'))
  else
    policyTypes.forEach((type, i) => {
      checkEnum(type, `spec.policyTypes[${i}]`, ['Egress', 'Ingress'], problems)
    })
  return problems
}

interface Rule {
  readonly ports?: readonly NetworkPolicyPort[] | undefined
  readonly peers?: readonly NetworkPolicyPeer[] | undefined
}

function checkRule({ ports = [], peers = [] }: Rule, path: string, list: 'from' | 'to', problems: Problems): void {
  ports.forEach((port, i) => {
    checkPolicyPort(port, `${path}.ports[${i}]`, problems)
  })
  peers.forEach((peer, i) => {
    checkPeer(peer, `${path}.${list}[${i}]`, problems)
  })
}

function checkPolicyPort({ protocol, port, endPort }: NetworkPolicyPort, path: string, problems: Problems): void {
  checkEnum(protocol, `${path}.protocol`, ['SCTP', 'TCP', 'UDP'], problems)
  const at = `${path}.endPort`
  if (port === undefined) {
    if (endPort !== undefined) problems.push(invalid(at, endPort, 'may not be specified when `port` is not specified'))
    return
  }
  checkPortOrName(port, `${path}.port`, problems)
  if (endPort === undefined) return
  if (typeof port === 'string') problems.push(invalid(at, endPort, 'may not be specified when `port` is non-numeric'))
  else {
    if (endPort < port) problems.push(invalid(at, endPort, 'must be greater than or equal to `port`'))
    if (endPort < 1 || endPort > 65_535) problems.push(invalid(at, endPort, rangeText(1, 65_535)))
  }
}

function checkPeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, path: string, problems: Problems): void {
  checkLabelSelector(podSelector, `${path}.podSelector`, problems)
  checkLabelSelector(namespaceSelector, `${path}.namespaceSelector`, problems)
  if (ipBlock !== undefined) checkBlock(ipBlock, `${path}.ipBlock`, problems)
  const selects = podSelector !== undefined || namespaceSelector !== undefined
  if (ipBlock === undefined && !selects) problems.push(required(path, 'must specify a peer'))
  else if (ipBlock !== undefined && selects) problems.push(forbidden(path, 'may not specify both ipBlock and another peer'))
}

function checkBlock({ cidr, except = [] }: NonNullable<NetworkPolicyPeer['ipBlock']>, path: string, problems: Problems): void {
  checkRequired(cidr, `${path}.cidr`, problems)
  if (cidr === '') return
  checkCidr(cidr, `${path}.cidr`, problems)
  const outer = parseCidr(cidr)
  except.forEach((range, i) => {
    const at = `${path}.except[${i}]`
    checkCidr(range, at, problems)
    const inner = parseCidr(range)
    if (outer !== undefined && inner !== undefined && !isStrictSubset(inner, outer))
      problems.push(invalid(at, range, 'must be a strict subset of `cidr`'))
  })
}
