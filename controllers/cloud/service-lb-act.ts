import { daemonSets, namespaces, serviceAccounts, services } from '../../core/api/kinds.ts'
import type { DaemonSet } from '../../core/api/types/apps-v1.ts'
import type { LoadBalancerIngress, Service, ServiceAccount } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import { type Draft, objectKey } from '../../core/meta/object.ts'
import { ignoreNotFound, isAlreadyExists } from '../../core/meta/status-error.ts'
import { FIELD_MANAGER, SERVICE_ACCOUNT, type ServiceLbSettings } from './service-lb-names.ts'
import type { DaemonSetPlan } from './service-lb-plan.ts'
import { ingressText } from './service-lb-status.ts'

interface Writer {
  readonly client: Client
  readonly recorder: EventRecorder
}

/** Carries out `plan`; events go to the Service while there is one. */
export async function applyDaemonSets(
  plan: DaemonSetPlan,
  service: Service | undefined,
  { client, recorder }: Writer,
  signal: AbortSignal,
): Promise<void> {
  const options = { signal, fieldManager: FIELD_MANAGER }
  const tell = (reason: string, message: string): void => {
    if (service !== undefined) recorder.event(service, 'Normal', reason, message)
  }
  for (const set of plan.remove) {
    await deleteDaemonSet(set, client, signal)
    tell('DeletedDaemonSet', `Deleted LoadBalancer DaemonSet ${nameOf(set)}`)
  }
  if (plan.create !== undefined) {
    tell('EnsuringLoadBalancer', 'Ensuring load balancer')
    await createUnlessThere(client.create(daemonSets, plan.create, options))
    tell('AppliedDaemonSet', `Applied LoadBalancer DaemonSet ${nameOf(plan.create)}`)
    tell('EnsuredLoadBalancer', 'Ensured load balancer')
  }
  if (plan.update !== undefined) {
    await client.update(daemonSets, plan.update, options)
    tell('AppliedDaemonSet', `Applied LoadBalancer DaemonSet ${nameOf(plan.update)}`)
  }
}

async function deleteDaemonSet({ metadata }: DaemonSet, client: Client, signal: AbortSignal): Promise<void> {
  await ignoreNotFound(
    client.delete(daemonSets, metadata, { signal, propagationPolicy: 'Background', preconditions: { uid: metadata.uid } }),
  )
}

function nameOf({ metadata }: Draft<DaemonSet>): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`
}

interface AccountDeps {
  readonly client: Client
  readonly serviceAccounts: Lister<ServiceAccount>
  readonly settings: ServiceLbSettings
}

/** The account the pods run as, which may do nothing, and the namespace it lives in. */
export async function ensureAccount({ client, serviceAccounts: accounts, settings }: AccountDeps, signal: AbortSignal): Promise<void> {
  const { namespace } = settings
  if (accounts.get(objectKey(namespace, SERVICE_ACCOUNT)) !== undefined) return
  const options = { signal, fieldManager: FIELD_MANAGER }
  await createUnlessThere(client.create(namespaces, { metadata: { name: namespace } }, options))
  await createUnlessThere(client.create(serviceAccounts, { metadata: { name: SERVICE_ACCOUNT, namespace } }, options))
}

async function createUnlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation
  } catch (err) {
    if (!isAlreadyExists(err)) throw err
  }
}

/** Conditional on the version read: the list is replaced as a whole. */
export async function writeFinalizers(service: Service, finalizers: readonly string[], client: Client, signal: AbortSignal): Promise<void> {
  const { uid, resourceVersion } = service.metadata
  const body = { metadata: { uid, resourceVersion, finalizers: finalizers.length === 0 ? null : finalizers } }
  await ignoreNotFound(client.patch(services, service.metadata, { type: 'merge', body }, { signal, fieldManager: FIELD_MANAGER }))
}

/** Replaces the addresses in the status; none takes the field out. */
export async function writeIngress(
  service: Service,
  ingress: readonly LoadBalancerIngress[],
  client: Client,
  signal: AbortSignal,
): Promise<void> {
  const body = { metadata: { uid: service.metadata.uid }, status: { loadBalancer: { ingress: ingress.length === 0 ? null : ingress } } }
  const options = { signal, fieldManager: FIELD_MANAGER, subresource: 'status' }
  await ignoreNotFound(client.patch(services, service.metadata, { type: 'merge', body }, options))
}

/** What users see of a change of addresses. */
export function tellIngress(service: Service, ingress: readonly LoadBalancerIngress[], recorder: EventRecorder): void {
  if (ingress.length === 0) {
    recorder.event(service, 'Warning', 'UnAvailableLoadBalancer', 'There are no available nodes for LoadBalancer')
    return
  }
  const before = ingressText(service.status.loadBalancer.ingress ?? [])
  recorder.event(service, 'Normal', 'UpdatedLoadBalancer', `Updated LoadBalancer with new IPs: ${before} -> ${ingressText(ingress)}`)
}
