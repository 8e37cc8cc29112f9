import type { CronJob, Job } from '../../api/types/batch-v1.ts'
import type { PersistentVolume, PersistentVolumeClaim, Service } from '../../api/types/core-v1.ts'
import type { Ingress } from '../../api/types/networking-v1.ts'
import { isHeadless } from './core/service-rules.ts'
import { deprecatedLabel, fractionWarnings, hostNameWarning, podWarnings } from './pod/warnings.ts'

/** Warnings of kinds that need no more than a few lines each. */

export const POD_HOSTNAME = "the Pod's hostname"
const POD_NAMES = 'Pod names and hostnames'

export function serviceWarnings({ spec }: Service): string[] {
  const warnings: string[] = []
  if (isHeadless(spec) && spec.sessionAffinity === 'ClientIP') warnings.push('spec.SessionAffinity is ignored for headless services')
  if (spec.trafficDistribution === 'PreferClose')
    warnings.push('spec.trafficDistribution: PreferClose is deprecated; use PreferSameZone instead')
  return warnings
}

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'
const MOUNT_ANNOTATION = 'volume.beta.kubernetes.io/mount-options'
const CLASS_TEXT = `metadata.annotations[${CLASS_ANNOTATION}]: deprecated since v1.8; use "storageClassName" attribute instead`

export function volumeWarnings({ metadata, spec }: PersistentVolume): string[] {
  const warnings: string[] = []
  if (metadata.annotations?.[CLASS_ANNOTATION] !== undefined) warnings.push(CLASS_TEXT)
  if (metadata.annotations?.[MOUNT_ANNOTATION] !== undefined)
    warnings.push(`metadata.annotations[${MOUNT_ANNOTATION}]: deprecated since v1.31; use "mountOptions" attribute instead`)
  if (spec.persistentVolumeReclaimPolicy === 'Recycle')
    warnings.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    )
  fractionWarnings(spec.capacity, 'spec.capacity', warnings)
  spec.nodeAffinity?.required?.nodeSelectorTerms.forEach(({ matchExpressions }, i) => {
    matchExpressions?.forEach(({ key }, j) => {
      const text = deprecatedLabel(key)
      if (text !== undefined)
        warnings.push(`spec.nodeAffinity.required.nodeSelectorTerms[${i}].matchExpressions[${j}].key: ${key} is ${text}`)
    })
  })
  return warnings
}

export function claimWarnings({ metadata, spec }: PersistentVolumeClaim): string[] {
  const warnings: string[] = []
  if (metadata.annotations?.[CLASS_ANNOTATION] !== undefined) warnings.push(CLASS_TEXT)
  fractionWarnings(spec.resources.requests, 'spec.resources.requests', warnings)
  fractionWarnings(spec.resources.limits, 'spec.resources.limits', warnings)
  return warnings
}

const MANY_COMPLETIONS = 100_000
const MANY_AT_ONCE = 10_000

export function jobWarnings({ metadata, spec }: Job, old: Job | undefined): string[] {
  const warnings = old === undefined ? hostNameWarning(metadata.name, POD_NAMES) : []
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > MANY_COMPLETIONS && (spec.parallelism ?? 0) > MANY_AT_ONCE)
    warnings.push(
      'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail',
    )
  return old === undefined || old.metadata.generation !== metadata.generation
    ? [...warnings, ...podWarnings(spec.template, 'spec.template')]
    : warnings
}

export function cronJobWarnings({ metadata, spec }: CronJob, old: CronJob | undefined): string[] {
  const warnings = old === undefined ? hostNameWarning(metadata.name, POD_NAMES) : []
  if (spec.schedule.includes('TZ'))
    warnings.push(
      'CRON_TZ or TZ used in "spec.schedule" is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
    )
  return old === undefined || old.metadata.generation !== metadata.generation
    ? [...warnings, ...podWarnings(spec.jobTemplate.spec.template, 'spec.jobTemplate.spec.template')]
    : warnings
}

const INGRESS_ANNOTATION = 'kubernetes.io/ingress.class'

export function ingressWarnings({ metadata }: Ingress, old: Ingress | undefined): string[] {
  return old === undefined && metadata.annotations?.[INGRESS_ANNOTATION] !== undefined
    ? [`annotation ${JSON.stringify(INGRESS_ANNOTATION)} is deprecated, please use 'spec.ingressClassName' instead`]
    : []
}
