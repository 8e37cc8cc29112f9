import { isSidecar } from '../../../../api/rules/pod-containers.ts'
import type { Container, Pod, PodSpec } from '../../../../api/types/core-v1.ts'
import { duplicate, type FieldError, forbidden, invalid } from '../../../../meta/field-error.ts'
import { dns1123SubdomainProblems, qualifiedNameProblems } from '../../../../meta/names.ts'
import { checkFormat, checkImmutable, type Problems } from '../../validation/common.ts'
import { checkIp } from '../../validation/network.ts'
import { checkAnnotationUpdate } from './update.ts'

const GENERATION_TEXT = 'must be a non-negative integer'

/** A kubelet's (or anybody's) new status. Source: shared validation facts, core/PodStatusUpdate. */
export function validatePodStatus(next: Pod, old: Pod): readonly FieldError[] {
  const problems: Problems = []
  const { status, spec } = next
  checkAnnotationUpdate(next, old, problems)
  checkNominated(next, old, problems)
  if ((status.observedGeneration ?? 0) < 0) problems.push(invalid('status.observedGeneration', status.observedGeneration, GENERATION_TEXT))
  if ((old.status.qosClass ?? '') !== '') checkImmutable(status.qosClass, old.status.qosClass, 'status.qosClass', problems)
  status.conditions?.forEach(({ type, observedGeneration = 0 }, i) => {
    const at = `status.conditions[${i}]`
    if (observedGeneration < 0) problems.push(invalid(`${at}.observedGeneration`, observedGeneration, GENERATION_TEXT))
    checkFormat(type, `${at}.Type`, qualifiedNameProblems, problems)
  })
  checkTransitions(next, old, problems)
  checkClaims(spec, status.resourceClaimStatuses, problems)
  checkAddresses(status.podIPs, 'status.podIPs', problems)
  const [host] = status.hostIPs ?? []
  if (host !== undefined && host.ip !== (status.hostIP ?? ''))
    problems.push(invalid('status.hostIPs[0].ip', host.ip, 'must be equal to `hostIP`'))
  checkAddresses(status.hostIPs, 'status.hostIPs', problems)
  return problems
}

/** The node that room is being made on, which is settled once the pod has a node. */
function checkNominated({ status, spec }: Pod, old: Pod, problems: Problems): void {
  const name = status.nominatedNodeName ?? ''
  const at = 'status.nominatedNodeName'
  if (name === '' || name === old.status.nominatedNodeName) return
  checkFormat(name, at, dns1123SubdomainProblems, problems)
  if ((spec.nodeName ?? '') !== '') problems.push(forbidden(at, 'may not be set on pods that are already bound to a node'))
}

/** A container that ended and may not start again stays ended. */
function checkTransitions(next: Pod, old: Pod, problems: Problems): void {
  const { spec } = old
  const of = (containers: readonly Container[] | undefined): MayRestart => {
    return (name, exitCode) => mayRestart(findContainer(containers, name), spec, exitCode)
  }
  const check = (list: StatusList, restarts: MayRestart): void => {
    for (const at of revived(next.status[list], old.status[list], restarts))
      problems.push(forbidden(`status.${list}[${at}].state`, 'may not be transitioned to non-terminated state'))
  }
  if (spec.restartPolicy !== 'Always') {
    check('containerStatuses', of(spec.containers))
    check('initContainerStatuses', of(spec.initContainers))
  }
  check('ephemeralContainerStatuses', () => false)
}

type StatusList = 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses'
type Statuses = Pod['status'][StatusList]
type MayRestart = (name: string, exitCode: number) => boolean

/** Places in the old list of what ended for good and is said to be anything else now. */
function revived(next: Statuses, old: Statuses, restarts: MayRestart): readonly number[] {
  const places: number[] = []
  old?.forEach(({ name, state }, i) => {
    if (state.terminated === undefined || restarts(name, state.terminated.exitCode)) return
    const now = next?.find((one) => one.name === name)
    if (now !== undefined && now.state.terminated === undefined) places.push(i)
  })
  return places
}

const findContainer = (containers: readonly Container[] | undefined, name: string): Container | undefined =>
  containers?.find((container) => container.name === name)

function mayRestart(container: Container | undefined, { restartPolicy }: PodSpec, exitCode: number): boolean {
  if (container !== undefined && (isSidecar(container) || hasRestartRule(container, exitCode))) return true
  const policy = container?.restartPolicy ?? restartPolicy
  return policy === 'OnFailure' && exitCode !== 0
}

function hasRestartRule({ restartPolicyRules }: Container, exitCode: number): boolean {
  return (
    restartPolicyRules?.some(
      ({ exitCodes }) => exitCodes !== undefined && (exitCodes.values ?? []).includes(exitCode) === (exitCodes.operator === 'In'),
    ) === true
  )
}

type ClaimStatuses = Pod['status']['resourceClaimStatuses']

function checkClaims({ resourceClaims }: PodSpec, statuses: ClaimStatuses, problems: Problems): void {
  const claims = new Set(resourceClaims?.map(({ name }) => name))
  const seen = new Set<string>()
  statuses?.forEach(({ name, resourceClaimName }, i) => {
    const at = `status.resourceClaimStatuses[${i}].name`
    if (!claims.has(name)) problems.push(invalid(at, name, 'must match the name of an entry in `spec.resourceClaims`'))
    if (seen.has(name)) problems.push(duplicate(at, name))
    seen.add(name)
    // NOTE: reported under the name of the entry, as Kubernetes does.
    if (resourceClaimName !== undefined) checkFormat(resourceClaimName, at, dns1123SubdomainProblems, problems)
  })
}

function checkAddresses(addresses: readonly { readonly ip: string }[] | undefined, path: string, problems: Problems): void {
  if (addresses === undefined) return
  addresses.forEach(({ ip }, i) => {
    checkIp(ip, `${path}[${i}]`, problems)
  })
  const families = new Set(addresses.map(({ ip }) => ip.includes(':')))
  if (addresses.length <= families.size) return
  problems.push(invalid(path, addresses, 'may specify no more than one IP for each IP family'))
  addresses.forEach(({ ip }, i) => {
    if (addresses.findIndex((one) => one.ip === ip) < i) problems.push(duplicate(`${path}[${i}]`, { ip }))
  })
}
