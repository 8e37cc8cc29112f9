import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../../api/types/apps-v1.ts'
import { defaultClaim } from '../core/volume-defaults.ts'
import { defaultPodTemplate } from '../pod/spec-defaults.ts'
import type { Work } from '../resource-def.ts'

const HISTORY_LIMIT = 10
const PROGRESS_DEADLINE_SECONDS = 600

/** Source for this file: shared facts on defaults, apps_v1. */
export function defaultDeployment({ spec }: Work<Deployment>): void {
  spec.replicas ??= 1
  const { strategy } = spec
  strategy.type ||= 'RollingUpdate'
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {}
    strategy.rollingUpdate.maxUnavailable ??= '25%'
    strategy.rollingUpdate.maxSurge ??= '25%'
  }
  spec.revisionHistoryLimit ??= HISTORY_LIMIT
  spec.progressDeadlineSeconds ??= PROGRESS_DEADLINE_SECONDS
  defaultPodTemplate(spec.template)
}

export function defaultReplicaSet({ spec }: Work<ReplicaSet>): void {
  spec.replicas ??= 1
  defaultPodTemplate(spec.template)
}

export function defaultDaemonSet({ spec }: Work<DaemonSet>): void {
  const strategy = spec.updateStrategy
  strategy.type ||= 'RollingUpdate'
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {}
    strategy.rollingUpdate.maxUnavailable ??= 1
    strategy.rollingUpdate.maxSurge ??= 0
  }
  spec.revisionHistoryLimit ??= HISTORY_LIMIT
  defaultPodTemplate(spec.template)
}

export function defaultStatefulSet({ spec }: Work<StatefulSet>): void {
  spec.podManagementPolicy ||= 'OrderedReady'
  const strategy = spec.updateStrategy
  if ((strategy.type ?? '') === '') {
    strategy.type = 'RollingUpdate'
    strategy.rollingUpdate ??= {}
  }
  if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate !== undefined) strategy.rollingUpdate.partition ??= 0
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {})
  retention.whenDeleted ||= 'Retain'
  retention.whenScaled ||= 'Retain'
  spec.replicas ??= 1
  spec.revisionHistoryLimit ??= HISTORY_LIMIT
  defaultPodTemplate(spec.template)
  for (const claim of spec.volumeClaimTemplates ?? []) {
    // Stored templates name their type, as each is a whole object.
    claim.kind ||= 'PersistentVolumeClaim'
    claim.apiVersion ||= 'v1'
    defaultClaim(claim)
  }
}
