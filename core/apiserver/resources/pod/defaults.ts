import { aggregateContainers, isHugePages, isPodLevelResource } from '../../../api/rules/pod-resources.ts'
import type { Container, ContainerStatus, Pod, ResourceRequirements } from '../../../api/types/core-v1.ts'
import { formatQuantity } from '../../../meta/quantity.ts'
import { roundQuantities, roundRequirements } from '../defaulting.ts'
import type { Work } from '../resource-def.ts'
import { defaultPodSpec } from './spec-defaults.ts'

/** What pods get beyond templates: requests from limits, service links, host ports. Source: shared facts on defaults, core_v1.Pod. */
export function defaultPod(pod: Work<Pod>): void {
  const { spec } = pod
  for (const container of spec.containers) requestsFromLimits(container.resources)
  if (spec.initContainers !== undefined) for (const container of spec.initContainers) requestsFromLimits(container.resources)
  if (spec.resources !== undefined) defaultPodResources(spec, spec.resources)
  spec.enableServiceLinks ??= true
  if (spec.hostNetwork === true) {
    defaultHostPorts(spec.containers)
    defaultHostPorts(spec.initContainers)
  }
  defaultPodSpec(spec)
  defaultPodStatus(pod)
  mirrorAddresses(pod)
}

function requestsFromLimits(resources: Work<ResourceRequirements>): void {
  const { limits } = resources
  if (limits === undefined) return
  const requests = (resources.requests ??= {})
  for (const name in limits) requests[name] ??= limits[name] ?? '0'
}

function defaultHostPorts(containers: Work<Container>[] | undefined): void {
  for (const { ports } of containers ?? []) for (const port of ports ?? []) port.hostPort ||= port.containerPort
}

function defaultPodResources(spec: Work<Pod>['spec'], resources: Work<ResourceRequirements>): void {
  const { limits = {}, requests = {} } = resources
  if (Object.keys(limits).length === 0 && Object.keys(requests).length === 0) return
  for (const [name, quantity] of aggregateContainers(spec, 'limits'))
    if (isHugePages(name) && requests[name] === undefined) limits[name] ??= formatQuantity(quantity)
  if (Object.keys(limits).length > 0) {
    for (const [name, quantity] of aggregateContainers(spec, 'requests'))
      if (name === 'cpu' || name === 'memory') requests[name] ??= formatQuantity(quantity)
    for (const [name, text] of Object.entries(limits)) if (isPodLevelResource(name)) requests[name] ??= text
    resources.limits = limits
  }
  if (Object.keys(requests).length > 0) resources.requests = requests
}

function defaultPodStatus({ status }: Work<Pod>): void {
  roundStatuses(status.initContainerStatuses)
  roundStatuses(status.containerStatuses)
  roundStatuses(status.ephemeralContainerStatuses)
  roundQuantities(status.allocatedResources)
  roundRequirements(status.resources)
}

function roundStatuses(statuses: Work<ContainerStatus>[] | undefined): void {
  for (const status of statuses ?? []) {
    roundQuantities(status.allocatedResources)
    roundRequirements(status.resources)
  }
}

/** `podIP` is the first of `podIPs`; either may be what the kubelet sent. */
function mirrorAddresses({ status }: Work<Pod>): void {
  const first = status.podIPs?.[0]?.ip
  if (status.podIP === undefined) {
    if (first !== undefined) status.podIP = first
  } else if (status.podIP !== first) status.podIPs = [{ ip: status.podIP }]
}
