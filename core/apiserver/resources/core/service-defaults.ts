import type { Service } from '../../../api/types/core-v1.ts'
import type { Work } from '../resource-def.ts'
import { isExternallyAccessible } from './service-rules.ts'

const AFFINITY_SECONDS = 10_800

/** Source: shared facts on defaults, core_v1.Service. */
export function defaultService({ spec, status }: Work<Service>): void {
  spec.sessionAffinity ||= 'None'
  if (spec.sessionAffinity === 'None') spec.sessionAffinityConfig = undefined
  else if (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined)
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: AFFINITY_SECONDS } }
  spec.type ||= 'ClusterIP'
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP'
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster'
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster'
  if (spec.type === 'LoadBalancer') {
    spec.allocateLoadBalancerNodePorts ??= true
    for (const ingress of status.loadBalancer.ingress ?? []) if ((ingress.ip ?? '') !== '') ingress.ipMode ??= 'VIP'
  }
}
