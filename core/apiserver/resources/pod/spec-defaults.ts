import type { PodSpec, PodTemplateSpec } from '../../../api/types/core-v1.ts'
import { roundQuantities, roundRequirements } from '../defaulting.ts'
import type { Work } from '../resource-def.ts'
import { defaultContainer } from './container-defaults.ts'
import { defaultVolume } from './volume-defaults.ts'

const GRACE_SECONDS = 30

/** Fills what every pod spec gets, in pods and in templates. Source: shared facts on defaults, core_v1.PodSpec and below. */
export function defaultPodSpec(spec: Work<PodSpec>): void {
  spec.restartPolicy ||= 'Always'
  spec.terminationGracePeriodSeconds ??= GRACE_SECONDS
  spec.dnsPolicy ||= 'ClusterFirst'
  spec.securityContext ??= {}
  spec.schedulerName ||= 'default-scheduler'
  mirrorServiceAccount(spec)
  for (const container of spec.containers) defaultContainer(container)
  if (spec.initContainers !== undefined) for (const container of spec.initContainers) defaultContainer(container)
  if (spec.ephemeralContainers !== undefined) for (const container of spec.ephemeralContainers) defaultContainer(container)
  if (spec.volumes !== undefined) for (const volume of spec.volumes) defaultVolume(volume)
  roundQuantities(spec.overhead)
  roundRequirements(spec.resources)
}

/** `serviceAccount` is an old name of `serviceAccountName`: both are always written, the new one decides. */
function mirrorServiceAccount(spec: Work<PodSpec>): void {
  const account = (spec.serviceAccountName ?? '') || spec.serviceAccount
  if (account === undefined || account === spec.serviceAccountName) {
    if (spec.serviceAccount !== account) spec.serviceAccount = account
    return
  }
  spec.serviceAccountName = account
  spec.serviceAccount = account
}

export function defaultPodTemplate(template: Work<PodTemplateSpec> | undefined): void {
  if (template !== undefined) defaultPodSpec(template.spec)
}
