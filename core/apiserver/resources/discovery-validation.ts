import type { Endpoint, EndpointSlice } from '../../api/types/discovery-v1.ts'
import { duplicate, type FieldError, invalid, required, tooMany } from '../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems, qualifiedNameProblems } from '../../meta/names.ts'
import { checkFormat, checkImmutable, checkPort, checkRequiredEnum, type Problems } from './validation/common.ts'
import { checkLabels } from './validation/labels.ts'
import { checkRoutableIp } from './validation/network.ts'

const MAX_ENDPOINTS = 1_000
const MAX_ADDRESSES = 100
const MAX_PORTS = 20_000
const MAX_HINTS = 8
const MAX_TOPOLOGY_LABELS = 16
const TYPES = ['FQDN', 'IPv4', 'IPv6']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

/** Source: shared validation facts, discovery.k8s.io/v1 EndpointSlice. */
export function validateEndpointSlice(next: EndpointSlice, old: EndpointSlice | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkRequiredEnum(next.addressType, 'addressType', TYPES, problems)
  const { endpoints } = next
  if (endpoints.length > MAX_ENDPOINTS) problems.push(tooMany('endpoints', endpoints.length, MAX_ENDPOINTS))
  else
    endpoints.forEach((endpoint, i) => {
      checkEndpoint(endpoint, next.addressType, `endpoints[${i}]`, problems)
    })
  checkPorts(next.ports, problems)
  if (old !== undefined) checkImmutable(next.addressType, old.addressType, 'addressType', problems)
  return problems
}

function checkEndpoint(endpoint: Endpoint, type: string, path: string, problems: Problems): void {
  const { addresses, hostname, nodeName, deprecatedTopology: topology = {} } = endpoint
  const at = `${path}.addresses`
  if (addresses.length === 0) problems.push(required(at, 'must contain at least 1 address'))
  else if (addresses.length > MAX_ADDRESSES) problems.push(tooMany(at, addresses.length, MAX_ADDRESSES))
  addresses.forEach((address, i) => {
    checkAddress(address, type, `${at}[${i}]`, problems)
  })
  if (nodeName !== undefined) checkFormat(nodeName, `${path}.nodeName`, dns1123SubdomainProblems, problems)
  const labels = Object.keys(topology).length
  if (labels > MAX_TOPOLOGY_LABELS) problems.push(tooMany(`${path}.deprecatedTopology`, labels, MAX_TOPOLOGY_LABELS))
  checkLabels(topology, `${path}.deprecatedTopology`, problems)
  if (hostname !== undefined) checkFormat(hostname, `${path}.hostname`, dns1123LabelProblems, problems)
  if (endpoint.hints !== undefined) checkHints(endpoint.hints, `${path}.hints`, problems)
}

function checkAddress(address: string, type: string, path: string, problems: Problems): void {
  if (type === 'FQDN') {
    checkFormat(address, path, dns1123SubdomainProblems, problems)
    return
  }
  const before = problems.length
  checkRoutableIp(address, path, problems)
  if (problems.length > before) return
  const is6 = address.includes(':')
  if (type === 'IPv4' && is6) problems.push(invalid(path, address, 'must be an IPv4 address'))
  if (type === 'IPv6' && !is6) problems.push(invalid(path, address, 'must be an IPv6 address'))
}

function checkHints(hints: NonNullable<Endpoint['hints']>, path: string, problems: Problems): void {
  for (const list of ['forZones', 'forNodes'] as const) {
    const targets = hints[list] ?? []
    const format = list === 'forZones' ? qualifiedNameProblems : dns1123SubdomainProblems
    if (targets.length > MAX_HINTS) {
      problems.push(tooMany(`${path}.${list}`, targets.length, MAX_HINTS))
      continue
    }
    const seen = new Set<string>()
    targets.forEach(({ name }, i) => {
      const at = `${path}.${list}[${i}].name`
      if (seen.has(name)) problems.push(duplicate(at, name))
      else checkFormat(name, at, format, problems)
      seen.add(name)
    })
  }
}

function checkPorts(ports: EndpointSlice['ports'], problems: Problems): void {
  if (ports.length > MAX_PORTS) {
    problems.push(tooMany('ports', ports.length, MAX_PORTS))
    return
  }
  const names = new Set<string>()
  ports.forEach(({ name = '', port, protocol, appProtocol }, i) => {
    const at = `ports[${i}]`
    if (name !== '') checkFormat(name, `${at}.name`, dns1123LabelProblems, problems)
    if (names.has(name)) problems.push(duplicate(`${at}.name`, name))
    names.add(name)
    if (port !== undefined) checkPort(port, `${at}.port`, problems)
    checkRequiredEnum(protocol, `${at}.protocol`, PROTOCOLS, problems)
    if (appProtocol !== undefined) checkFormat(appProtocol, `${at}.appProtocol`, qualifiedNameProblems, problems)
  })
}
