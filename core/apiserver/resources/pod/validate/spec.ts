import type { PodDNSConfig, PodSpec, PodTemplateSpec } from '../../../../api/types/core-v1.ts'
import { duplicate, forbidden, invalid, required, tooLong } from '../../../../meta/field-error.ts'
import {
  dns1123LabelProblems,
  dns1123SubdomainProblems,
  maxLengthText,
  patternText,
  qualifiedNameProblems,
  rangeText,
} from '../../../../meta/names.ts'
import { checkEnum, checkFormat, checkRequiredEnum, checkRequiredFormat, type Problems } from '../../validation/common.ts'
import { checkLabels } from '../../validation/labels.ts'
import { checkIp } from '../../validation/network.ts'
import { checkAffinity } from './affinity.ts'
import { checkContainers, checkEphemeralContainers, checkHostNetworkPorts, checkInitContainers, type PodScope } from './containers.ts'
import { checkPodResources } from './pod-resources.ts'
import { checkRequirements } from './resources.ts'
import { checkHostProcess, checkOs, checkPodSecurityContext } from './security.ts'
import { checkTolerations } from './tolerations.ts'
import { checkTopologySpread } from './topology.ts'
import { checkVolumes } from './volumes.ts'

const RESTART_POLICIES = ['Always', 'Never', 'OnFailure']
const DNS_POLICIES = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']
const MAX_INT32 = 2_147_483_647
const NO_CLAIMS: ReadonlySet<string> = new Set()

/**
 * Every problem of a pod's spec. `pod` brings the metadata beside it, which names of volume claims and workloads follow.
 * `inTemplate`: not yet a pod, so that match label keys have not been folded into selectors.
 * Source: shared validation facts, core/PodSpec; order as Kubernetes reports.
 */
export function checkPodSpec(pod: PodTemplateSpec, path: string, inTemplate: boolean, problems: Problems): void {
  const { spec } = pod
  const grace = spec.terminationGracePeriodSeconds
  if (grace === undefined) problems.push(required(`${path}.terminationGracePeriodSeconds`))
  const scope: PodScope = {
    spec,
    volumes: checkVolumes(pod, `${path}.volumes`, problems),
    claims: spec.resourceClaims === undefined ? NO_CLAIMS : checkResourceClaims(pod, `${path}.resourceClaims`, problems),
    graceSeconds: grace ?? 0,
    hostUsers: spec.hostUsers !== false,
  }
  checkAllContainers(scope, path, inTemplate, problems)
  checkRequiredEnum(spec.restartPolicy, `${path}.restartPolicy`, RESTART_POLICIES, problems)
  checkRequiredEnum(spec.dnsPolicy, `${path}.dnsPolicy`, DNS_POLICIES, problems)
  if (spec.nodeSelector !== undefined) checkLabels(spec.nodeSelector, `${path}.nodeSelector`, problems)
  checkPodSecurityContext(spec, path, problems)
  if (spec.affinity !== undefined) checkAffinity(spec.affinity, `${path}.affinity`, !inTemplate, problems)
  checkDns(spec, `${path}.dnsConfig`, problems)
  checkGates(spec, path, problems)
  if (spec.topologySpreadConstraints !== undefined)
    checkTopologySpread(spec.topologySpreadConstraints, `${path}.topologySpreadConstraints`, !inTemplate, problems)
  if (!scope.hostUsers) checkHostUsers(spec, path, problems)
  checkHostNames(spec, path, problems)
  checkNames(spec, path, problems)
  checkOs(spec, path, problems)
  checkHostProcess(spec, path, problems)
}

function checkAllContainers(scope: PodScope, path: string, inTemplate: boolean, problems: Problems): void {
  const { spec } = scope
  const names = new Set<string>()
  checkContainers(scope, `${path}.containers`, names, problems)
  checkInitContainers(scope, `${path}.initContainers`, names, problems)
  checkEphemeralContainers(scope, `${path}.ephemeralContainers`, names, problems)
  if (spec.resources !== undefined) checkPodResources(spec, spec.resources, `${path}.resources`, problems)
  if (spec.hostNetwork === true) {
    checkHostNetworkPorts(spec.containers, `${path}.containers`, inTemplate, problems)
  }
}

/** Claims of devices that the pod brings; answers their names. */
function checkResourceClaims(pod: PodTemplateSpec, path: string, problems: Problems): ReadonlySet<string> {
  const names = new Set<string>()
  pod.spec.resourceClaims?.forEach(({ name, resourceClaimName, resourceClaimTemplateName }, i) => {
    const at = `${path}[${i}]`
    if (name === '') problems.push(required(`${at}.name`))
    else if (names.has(name)) problems.push(duplicate(`${at}.name`, name))
    else checkFormat(name, `${at}.name`, dns1123LabelProblems, problems)
    names.add(name)
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined)
      problems.push(
        invalid(
          at,
          { name, resourceClaimName, resourceClaimTemplateName },
          'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
        ),
      )
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined)
      problems.push(invalid(at, { name }, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'))
    if (resourceClaimName !== undefined) checkFormat(resourceClaimName, `${at}.resourceClaimName`, dns1123SubdomainProblems, problems)
    if (resourceClaimTemplateName !== undefined)
      checkFormat(resourceClaimTemplateName, `${at}.resourceClaimTemplateName`, dns1123SubdomainProblems, problems)
  })
  return names
}

const MAX_NAMESERVERS = 3
const MAX_SEARCHES = 32
const MAX_SEARCH_LENGTH = 2_048
const MAX_SUBDOMAIN = 253
const SEARCH_PATTERN = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*'
const SEARCH = new RegExp(`^${SEARCH_PATTERN}$`)
const SEARCH_TEXT = patternText(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  SEARCH_PATTERN,
  'example.com',
)

/** Domains to search may have names that DNS knows and hosts do not, such as `_http._tcp`. */
function searchProblems(value: string): readonly string[] {
  const problems = value.length > MAX_SUBDOMAIN ? [maxLengthText(MAX_SUBDOMAIN)] : []
  return SEARCH.test(value) ? problems : [...problems, SEARCH_TEXT]
}

function checkDns({ dnsPolicy, dnsConfig }: PodSpec, path: string, problems: Problems): void {
  if (dnsPolicy === 'None') {
    if (dnsConfig === undefined) {
      problems.push(required(path, 'must provide `dnsConfig` when `dnsPolicy` is None'))
      return
    }
    if ((dnsConfig.nameservers?.length ?? 0) === 0) {
      problems.push(required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'))
      return
    }
  }
  if (dnsConfig !== undefined) checkDnsConfig(dnsConfig, path, problems)
}

function checkDnsConfig({ nameservers = [], searches = [], options = [] }: PodDNSConfig, path: string, problems: Problems): void {
  if (nameservers.length > MAX_NAMESERVERS)
    problems.push(invalid(`${path}.nameservers`, nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`))
  nameservers.forEach((server, i) => {
    checkIp(server, `${path}.nameservers[${i}]`, problems)
  })
  if (searches.length > MAX_SEARCHES)
    problems.push(invalid(`${path}.searches`, searches, `must not have more than ${MAX_SEARCHES} search paths`))
  if (searches.join(' ').length > MAX_SEARCH_LENGTH)
    problems.push(
      invalid(
        `${path}.searches`,
        searches,
        `must not have more than ${MAX_SEARCH_LENGTH} characters (including spaces) in the search list`,
      ),
    )
  searches.forEach((search, i) => {
    // One dot at the end is fine here, and a lone dot stands for the root.
    if (search !== '.') checkFormat(search.replace(/\.$/, ''), `${path}.searches[${i}]`, searchProblems, problems)
  })
  options.forEach((option, i) => {
    if ((option.name ?? '') === '') problems.push(required(`${path}.options[${i}]`, 'must not be empty'))
  })
}

function checkGates({ readinessGates, schedulingGates }: PodSpec, path: string, problems: Problems): void {
  readinessGates?.forEach(({ conditionType }, i) => {
    checkFormat(conditionType, `${path}.readinessGates[${i}].conditionType`, qualifiedNameProblems, problems)
  })
  const seen = new Set<string>()
  schedulingGates?.forEach(({ name }, i) => {
    const at = `${path}.schedulingGates[${i}]`
    checkFormat(name, at, qualifiedNameProblems, problems)
    if (seen.has(name)) problems.push(duplicate(at, name))
    seen.add(name)
  })
}

/** A user namespace of its own cannot share the node's other namespaces. */
function checkHostUsers(spec: PodSpec, path: string, problems: Problems): void {
  const text = 'when `hostUsers` is false'
  if (spec.hostNetwork === true) problems.push(forbidden(`${path}.hostNetwork`, text))
  if (spec.hostPID === true) problems.push(forbidden(`${path}.HostPID`, text))
  if (spec.hostIPC === true) problems.push(forbidden(`${path}.HostIPC`, text))
  for (const list of ['containers', 'initContainers', 'ephemeralContainers'] as const)
    spec[list]?.forEach((container, i) => {
      if ((container.volumeDevices?.length ?? 0) > 0) problems.push(forbidden(`${path}.${list}[${i}].volumeDevices`, text))
    })
}

const MAX_HOST_NAME = 64

function checkHostNames(spec: PodSpec, path: string, problems: Problems): void {
  const { hostname = '', subdomain = '', hostnameOverride } = spec
  if (hostname !== '') checkFormat(hostname, `${path}.hostname`, dns1123LabelProblems, problems)
  if (subdomain !== '') checkFormat(subdomain, `${path}.subdomain`, dns1123LabelProblems, problems)
  if (hostnameOverride === undefined) return
  const at = `${path}.hostnameOverride`
  if (spec.setHostnameAsFQDN === true) problems.push(forbidden(at, 'may not be specified when setHostnameAsFQDN is true'))
  if (spec.hostNetwork === true) problems.push(forbidden(at, 'may not be specified when hostNetwork is true'))
  if (hostnameOverride.length > MAX_HOST_NAME) problems.push(tooLong(at, MAX_HOST_NAME))
  checkFormat(hostnameOverride, at, dns1123SubdomainProblems, problems)
}

const SUBDOMAIN_FIELDS = ['serviceAccountName', 'nodeName', 'priorityClassName'] as const

function checkNames(spec: PodSpec, path: string, problems: Problems): void {
  for (const field of SUBDOMAIN_FIELDS) {
    const value = spec[field] ?? ''
    if (value !== '') checkFormat(value, `${path}.${field}`, dns1123SubdomainProblems, problems)
  }
  const deadline = spec.activeDeadlineSeconds
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32))
    problems.push(invalid(`${path}.activeDeadlineSeconds`, deadline, rangeText(1, MAX_INT32)))
  if (spec.tolerations !== undefined) checkTolerations(spec.tolerations, `${path}.tolerations`, problems)
  spec.hostAliases?.forEach(({ ip, hostnames }, i) => {
    const at = `${path}.hostAliases[${i}]`
    checkIp(ip, `${at}.ip`, problems)
    hostnames?.forEach((name, j) => {
      checkFormat(name, `${at}.hostnames[${j}]`, dns1123SubdomainProblems, problems)
    })
  })
  if (spec.runtimeClassName !== undefined)
    checkFormat(spec.runtimeClassName, `${path}.runtimeClassName`, dns1123SubdomainProblems, problems)
  checkEnum(spec.preemptionPolicy, `${path}.preemptionPolicy`, ['Never', 'PreemptLowerPriority'], problems)
  if (spec.overhead !== undefined) checkRequirements({ limits: spec.overhead }, `${path}.overhead`, NO_CLAIMS, problems)
  if (spec.workloadRef !== undefined) checkWorkload(spec.workloadRef, `${path}.workloadRef`, problems)
}

function checkWorkload(ref: NonNullable<PodSpec['workloadRef']>, path: string, problems: Problems): void {
  checkRequiredFormat(ref.name, `${path}.name`, dns1123SubdomainProblems, problems)
  checkRequiredFormat(ref.podGroup, `${path}.podGroup`, dns1123LabelProblems, problems)
}
