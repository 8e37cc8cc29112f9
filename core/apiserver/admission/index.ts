import type { Random } from '../../meta/generate-name.ts'
import type { Logger } from '../../observability/log.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Authorizer } from '../auth/auth.ts'
import type { RuleResolver } from '../auth/rbac/rule-resolver.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import type { AdmissionPlugin, ObjectReader } from './admission.ts'
import { certificateApproval, certificateSigning, certificateSubjectRestriction, clusterTrustBundleAttest } from './certificates.ts'
import { persistentVolumeClaimResize } from './claim-resize.ts'
import type { AdmissionConfiguration } from './configuration.ts'
import { defaultIngressClass } from './default-ingress-class.ts'
import { defaultStorageClass } from './default-storage-class.ts'
import { defaultTolerationSeconds } from './default-toleration-seconds.ts'
import { limitRanger } from './limit-ranger.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { nodeRestriction } from './node-restriction/node-restriction.ts'
import { alwaysPullImages } from './optional/always-pull-images.ts'
import { denyServiceExternalIPs } from './optional/deny-service-external-ips.ts'
import { eventRateLimit } from './optional/event-rate-limit.ts'
import { extendedResourceToleration } from './optional/extended-resource-toleration.ts'
import { limitPodHardAntiAffinityTopology } from './optional/hard-anti-affinity.ts'
import { podNodeSelector } from './optional/pod-node-selector.ts'
import { validatingAdmissionPolicy } from './policy/validating.ts'
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

/** Which plugins run and with which settings; Kubernetes' own choice when nothing is said. */
export interface AdmissionOptions {
  readonly enable?: readonly string[]
  readonly disable?: readonly string[]
  readonly configuration?: AdmissionConfiguration
}

/** Plugins that run only when asked for. */
const OPTIONAL: ReadonlySet<string> = new Set([
  'AlwaysPullImages',
  'DenyServiceExternalIPs',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'LimitPodHardAntiAffinityTopology',
  'PodNodeSelector',
])
/** Not a plugin in Kubernetes, so not for switching off. */
const FIXED: ReadonlySet<string> = new Set(['RBACEscalation'])

/**
 * Every plugin that is on, in the order of Kubernetes 1.35: each sees what those before it did. Webhooks come after all built-in
 * defaulting and before quotas, which must see the final object. Throws a plain Error for names that are no plugin's.
 * Source: kubernetes, pkg/kubeapiserver/options/plugins.go.
 */
export function admissionPlugins(deps: AdmissionDeps, options: AdmissionOptions = {}): readonly AdmissionPlugin[] {
  const { reader, log, webhooks: client } = deps
  const builtIn = builtInPlugins(deps, options.configuration ?? {})
  const hooks = { reader, authorizer: deps.authorizer, log, client, equivalents: equivalentsIn(deps.resources) }
  const mutating = mutatingAdmissionWebhook({ ...hooks, builtIn: builtIn.filter(({ name }) => isOn(name, options)) })
  const policies = validatingAdmissionPolicy({ ...hooks, resources: deps.resources })
  const all = [...builtIn, mutating, policies, validatingAdmissionWebhook(hooks), resourceQuota(deps)]
  assertKnown([...(options.enable ?? []), ...(options.disable ?? [])], all)
  return all.filter(({ name }) => isOn(name, options))
}

function hasSameFields(a: ResourceDef, b: ResourceDef): boolean {
  const isCustom = a.openApiSchema !== undefined && b.openApiSchema !== undefined
  return isCustom ? a.conversion?.remote === undefined : a.schema === b.schema
}

function isOn(name: string, { enable = [], disable = [] }: AdmissionOptions): boolean {
  if (FIXED.has(name)) return true
  return OPTIONAL.has(name) ? enable.includes(name) : !disable.includes(name)
}

function assertKnown(names: readonly string[], plugins: readonly AdmissionPlugin[]): void {
  const known = new Set(plugins.map(({ name }) => name).filter((name) => !FIXED.has(name)))
  const unknown = names.filter((name) => !known.has(name))
  if (unknown.length > 0) throw new Error(`unknown admission plugins: ${unknown.join(', ')}; known are ${[...known].sort().join(', ')}`)
}

function builtInPlugins(
  deps: AdmissionDeps,
  { podSecurity: configuration, eventLimits = [] }: AdmissionConfiguration,
): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle(deps),
    limitPodHardAntiAffinityTopology,
    limitRanger(deps),
    serviceAccount(deps),
    nodeRestriction(deps),
    taintNodesByCondition,
    alwaysPullImages,
    podSecurity({ reader: deps.reader, configuration }),
    podNodeSelector(deps),
    priority(deps),
    defaultTolerationSeconds,
    eventRateLimit({ clock: deps.clock, limits: eventLimits }),
    extendedResourceToleration,
    defaultStorageClass(deps),
    storageObjectInUseProtection,
    persistentVolumeClaimResize(deps),
    runtimeClass(deps),
    certificateApproval(deps),
    certificateSigning(deps),
    clusterTrustBundleAttest(deps),
    certificateSubjectRestriction,
    defaultIngressClass(deps),
    denyServiceExternalIPs,
    podTopologyLabels(deps),
    rbacEscalation(deps),
  ]
}

/**
 * Other versions of the same stored objects with the same fields: what a webhook gets differs in `apiVersion` only. So it is with the versions
 * of a custom kind, unless somebody else converts them.
 */
function equivalentsIn(resources: () => readonly ResourceDef[]): (def: ResourceDef) => readonly ResourceDef[] {
  return (def) =>
    resources().filter(
      (other) => other !== def && other.storagePrefix === def.storagePrefix && def.storagePrefix !== '' && hasSameFields(other, def),
    )
}
