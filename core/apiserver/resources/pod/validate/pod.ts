import type { Pod, PodTemplateSpec } from '../../../../api/types/core-v1.ts'
import { type FieldError, forbidden, invalid } from '../../../../meta/field-error.ts'
import { dns1123SubdomainProblems } from '../../../../meta/names.ts'
import { checkFormat, type Problems } from '../../validation/common.ts'
import { checkIp } from '../../validation/network.ts'
import { checkPodSpec } from './spec.ts'
import { checkPodUpdate } from './update.ts'

const MIRROR = 'kubernetes.io/config.mirror'
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'
const MIN_INT32 = -2_147_483_648
const MAX_INT32 = 2_147_483_647

/** Every problem of a pod as a whole. Source: shared validation facts, core/v1 Pod. */
export function validatePod(pod: Pod, old: Pod | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkAnnotations(pod, problems)
  checkPodSpec(pod, 'spec', false, problems)
  if (old === undefined) checkCreate(pod, problems)
  else checkPodUpdate(pod, old, problems)
  return problems
}

function checkCreate({ spec, metadata }: Pod, problems: Problems): void {
  if ((spec.ephemeralContainers?.length ?? 0) > 0) problems.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'))
  if ((spec.nodeName ?? '') !== '' && (spec.schedulingGates?.length ?? 0) > 0)
    problems.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'))
  checkImages(spec.containers, 'spec.containers', problems)
  checkImages(spec.initContainers, 'spec.initContainers', problems)
  if (metadata.annotations?.[MIRROR] !== undefined && spec.resourceClaims !== undefined)
    problems.push(forbidden('spec.resourceClaims', 'static pods do not support resource claims'))
}

/** In pods only: templates that are stored already may have such an image, and update must not fail for it. */
function checkImages(containers: Pod['spec']['initContainers'], path: string, problems: Problems): void {
  containers?.forEach(({ image = '' }, i) => {
    if (image !== image.trim()) problems.push(invalid(`${path}[${i}].image`, image, 'must not have leading or trailing whitespace'))
  })
}

function checkAnnotations({ metadata, spec }: PodTemplateSpec, problems: Problems): void {
  const { annotations } = metadata
  if (annotations === undefined) return
  const mirror = annotations[MIRROR]
  if (mirror !== undefined && (spec.nodeName ?? '') === '')
    problems.push(invalid(`metadata.annotations[${MIRROR}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set'))
  const cost = annotations[DELETION_COST]
  if (cost !== undefined && !isInt32(cost))
    problems.push(invalid(`metadata.annotations[${DELETION_COST}]`, cost, 'must be a 32bit integer'))
}

/** Without sign or leading zeros but a minus, as the controller reads it. */
function isInt32(text: string): boolean {
  return /^(0|-?[1-9]\d*)$/.test(text) && Number(text) >= MIN_INT32 && Number(text) <= MAX_INT32
}

/** A kubelet's (or anybody's) new status. Source: shared validation facts, core/PodStatusUpdate. */
export function validatePodStatus(next: Pod, old: Pod): readonly FieldError[] {
  const problems: Problems = []
  const { status, spec } = next
  const nominated = status.nominatedNodeName ?? ''
  if (nominated !== '') checkFormat(nominated, 'status.nominatedNodeName', dns1123SubdomainProblems, problems)
  if ((status.observedGeneration ?? 0) < 0)
    problems.push(invalid('status.observedGeneration', status.observedGeneration, 'must be a non-negative integer'))
  status.conditions?.forEach((condition, i) => {
    if ((condition.observedGeneration ?? 0) < 0)
      problems.push(invalid(`status.conditions[${i}].observedGeneration`, condition.observedGeneration, 'must be a non-negative integer'))
  })
  checkTransitions(next, old, problems)
  checkAddresses(status.podIPs, 'status.podIPs', problems)
  checkAddresses(status.hostIPs, 'status.hostIPs', problems)
  const claims = new Set(spec.resourceClaims?.map(({ name }) => name))
  status.resourceClaimStatuses?.forEach(({ name }, i) => {
    if (!claims.has(name))
      problems.push(invalid(`status.resourceClaimStatuses[${i}].name`, name, 'must match the name of an entry in `spec.resourceClaims`'))
  })
  return problems
}

const STATUS_LISTS = ['containerStatuses', 'initContainerStatuses'] as const

/** A container that ended and may not start again stays ended. */
function checkTransitions({ status, spec }: Pod, old: Pod, problems: Problems): void {
  if (spec.restartPolicy === 'Always') return
  for (const list of STATUS_LISTS) {
    const specs = list === 'containerStatuses' ? spec.containers : (spec.initContainers ?? [])
    old.status[list]?.forEach(({ name, state }, i) => {
      const container = specs.find((one) => one.name === name)
      if (state.terminated === undefined || container?.restartPolicy !== undefined) return
      if (state.terminated.exitCode !== 0 && spec.restartPolicy === 'OnFailure') return
      const now = status[list]?.find((one) => one.name === name)
      if (now !== undefined && now.state.terminated === undefined)
        problems.push(forbidden(`status.${list}[${i}].state`, 'may not be transitioned to non-terminated state'))
    })
  }
}

function checkAddresses(addresses: readonly { readonly ip: string }[] | undefined, path: string, problems: Problems): void {
  if (addresses === undefined) return
  addresses.forEach(({ ip }, i) => {
    checkIp(ip, `${path}[${i}]`, problems)
  })
  const families = new Set(addresses.map(({ ip }) => ip.includes(':')))
  if (addresses.length > families.size) problems.push(invalid(path, addresses, 'may specify no more than one IP for each IP family'))
}
