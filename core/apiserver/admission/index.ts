import type { Random } from '../../meta/generate-name.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Authorizer } from '../auth/auth.ts'
import type { RuleResolver } from '../auth/rbac/rule-resolver.ts'
import type { AdmissionPlugin, ObjectReader } from './admission.ts'
import { certificateApproval, certificateSigning, certificateSubjectRestriction, clusterTrustBundleAttest } from './certificates.ts'
import { persistentVolumeClaimResize } from './claim-resize.ts'
import { defaultIngressClass } from './default-ingress-class.ts'
import { defaultStorageClass } from './default-storage-class.ts'
import { defaultTolerationSeconds } from './default-toleration-seconds.ts'
import { limitRanger } from './limit-ranger.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { nodeRestriction } from './node-restriction/node-restriction.ts'
import { podSecurity } from './pod-security/pod-security.ts'
import { podTopologyLabels } from './pod-topology-labels.ts'
import { priority } from './priority.ts'
import { resourceQuota } from './quota/resource-quota.ts'
import { rbacEscalation } from './rbac-escalation.ts'
import { runtimeClass } from './runtime-class.ts'
import { serviceAccount } from './service-account.ts'
import { storageObjectInUseProtection } from './storage-object-in-use.ts'
import { taintNodesByCondition } from './taint-nodes.ts'

export interface AdmissionDeps {
  readonly reader: ObjectReader
  readonly authorizer: Authorizer
  readonly rules: RuleResolver
  readonly clock: Clock
  readonly random: Random
}

/**
 * Every plugin that is on, in the order of Kubernetes 1.35: each sees what those before it did. Webhooks come after all built-in
 * defaulting and before quotas, which must see the final object. Source: kubernetes, pkg/kubeapiserver/options/plugins.go.
 */
export function admissionPlugins(deps: AdmissionDeps): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle(deps),
    limitRanger(deps),
    serviceAccount(deps),
    nodeRestriction(deps),
    taintNodesByCondition,
    podSecurity(deps),
    priority(deps),
    defaultTolerationSeconds,
    defaultStorageClass(deps),
    storageObjectInUseProtection,
    persistentVolumeClaimResize(deps),
    runtimeClass(deps),
    certificateApproval(deps),
    certificateSigning(deps),
    clusterTrustBundleAttest(deps),
    certificateSubjectRestriction,
    defaultIngressClass(deps),
    podTopologyLabels(deps),
    rbacEscalation(deps),
    resourceQuota(deps),
  ]
}
