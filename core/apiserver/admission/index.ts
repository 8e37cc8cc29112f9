import type { Random } from '../../meta/generate-name.ts'
import type { Logger } from '../../observability/log.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Authorizer } from '../auth/auth.ts'
import type { RuleResolver } from '../auth/rbac/rule-resolver.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
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
import type { WebhookClient } from './webhook/client.ts'
import { mutatingAdmissionWebhook } from './webhook/mutating.ts'
import { validatingAdmissionWebhook } from './webhook/validating.ts'

export interface AdmissionDeps {
  readonly reader: ObjectReader
  readonly authorizer: Authorizer
  readonly rules: RuleResolver
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Disposed of by whoever made it. */
  readonly webhooks: WebhookClient
  /** Every served definition, for webhooks whose rules name another version of a resource. */
  readonly resources: () => readonly ResourceDef[]
}

/**
 * Every plugin that is on, in the order of Kubernetes 1.35: each sees what those before it did. Webhooks come after all built-in
 * defaulting and before quotas, which must see the final object. Source: kubernetes, pkg/kubeapiserver/options/plugins.go.
 */
export function admissionPlugins(deps: AdmissionDeps): readonly AdmissionPlugin[] {
  const { reader, log, webhooks: client } = deps
  const builtIn = builtInPlugins(deps)
  const hooks = { reader, log, client, equivalents: equivalentsIn(deps.resources) }
  return [...builtIn, mutatingAdmissionWebhook({ ...hooks, builtIn }), validatingAdmissionWebhook(hooks), resourceQuota(deps)]
}

function builtInPlugins(deps: AdmissionDeps): readonly AdmissionPlugin[] {
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
  ]
}

/** Other versions of the same stored objects with the same fields: what a webhook gets differs in `apiVersion` only. */
function equivalentsIn(resources: () => readonly ResourceDef[]): (def: ResourceDef) => readonly ResourceDef[] {
  return (def) =>
    resources().filter(
      (other) => other !== def && other.storagePrefix === def.storagePrefix && def.storagePrefix !== '' && other.schema === def.schema,
    )
}
