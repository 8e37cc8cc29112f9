import { daemonSets, services } from '../../core/api/kinds.ts'
import type { Service } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import { splitKey } from '../../core/meta/object.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import { writeFinalizers, writeIngress } from './service-lb-act.ts'
import { CLEANUP_FINALIZER, isOurs, LEGACY_FINALIZER, NODE_SELECTOR_LABEL, serviceKeys } from './service-lb-names.ts'

export interface ServiceLbRemovalDeps {
  readonly client: Client
  /** Namespace of the DaemonSets. */
  readonly namespace: string
}

/**
 * For a server that starts with the load balancer disabled: deletes its DaemonSets and lets go of the Services they
 * served, which nobody would finalize any more. Costs one list when there is nothing to do. Throws StatusError; whatever
 * is left then is found again by the next call.
 */
export async function removeServiceLb({ client, namespace }: ServiceLbRemovalDeps, signal: AbortSignal): Promise<void> {
  const scope = { namespace, labelSelector: NODE_SELECTOR_LABEL }
  const { items } = await client.list(daemonSets, scope, signal)
  if (items.length === 0) return
  for (const key of new Set(items.flatMap(serviceKeys))) {
    const service = await ignoreNotFound(client.get(services, splitKey(key), signal))
    if (service !== undefined) await release(service, client, signal)
  }
  await client.deleteCollection(daemonSets, { ...scope, signal, propagationPolicy: 'Background' })
}

/** A Service that has been given a class meanwhile is another implementation's. */
async function release(service: Service, client: Client, signal: AbortSignal): Promise<void> {
  const isTaken = service.spec.type === 'LoadBalancer' && !isOurs(service)
  if (isTaken) return
  const finalizers = service.metadata.finalizers ?? []
  const kept = finalizers.filter((name) => name !== CLEANUP_FINALIZER && name !== LEGACY_FINALIZER)
  if (kept.length < finalizers.length) await writeFinalizers(service, kept, client, signal)
  if ((service.status.loadBalancer.ingress ?? []).length > 0) await writeIngress(service, [], client, signal)
}
