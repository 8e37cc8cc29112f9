/**
 * Gives Services of type LoadBalancer the ports of the cluster's own nodes: a DaemonSet a Service forwards them, the
 * Service's status names the nodes where it runs. Source: K3s docs, Service Load Balancer; Kubernetes docs, service controller.
 */
import { daemonSets, endpointSlices, nodes, pods, services } from '../../core/api/kinds.ts'
import type { DaemonSet } from '../../core/api/types/apps-v1.ts'
import type { Node, Pod, Service, ServiceAccount, Toleration } from '../../core/api/types/core-v1.ts'
import type { EndpointSlice } from '../../core/api/types/discovery-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Informer, Lister } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import { keyOf, type ObjectKey, objectKey } from '../../core/meta/object.ts'
import { isConflict } from '../../core/meta/status-error.ts'
import { isAborted } from '../../core/runtime/abort.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { messageOf } from '../runtime/failure.ts'
import { applyDaemonSets, ensureAccount, tellIngress, writeFinalizers, writeIngress } from './service-lb-act.ts'
import { buildDaemonSet } from './service-lb-daemon-set.ts'
import {
  CLEANUP_FINALIZER,
  daemonSetName,
  isLocal,
  isOurs,
  NODE_SELECTOR_LABEL,
  type ServiceLbSettings,
  serviceKeys,
  TOLERATIONS_ANNOTATION,
} from './service-lb-names.ts'
import { planPlacement } from './service-lb-placement.ts'
import { dutyOf, planDaemonSets, planFinalizers } from './service-lb-plan.ts'
import { planIngress, sameIngress } from './service-lb-status.ts'
import { readTolerations } from './tolerations.ts'

export interface ServiceLbDeps {
  readonly client: Client
  readonly services: Lister<Service>
  readonly daemonSets: Informer<DaemonSet>
  readonly pods: Informer<Pod>
  readonly nodes: Lister<Node>
  readonly slices: Lister<EndpointSlice>
  readonly serviceAccounts: Lister<ServiceAccount>
  readonly recorder: EventRecorder
  readonly settings: ServiceLbSettings
}

const BY_SERVICE = 'serviceOfLoadBalancer'
const SERVICE_OF_SLICE = 'kubernetes.io/service-name'

export function serviceLbController(deps: ServiceLbDeps): Controller {
  deps.daemonSets.addIndex(BY_SERVICE, keysOfDaemonSet)
  deps.pods.addIndex(BY_SERVICE, serviceKeys)
  return {
    name: 'service-lb',
    concurrency: 2,
    watches: [
      watch(services, (service) => [keyOf(service)]),
      watch(daemonSets, keysOfDaemonSet),
      watch(pods, serviceKeys),
      watch(endpointSlices, (slice) => keysOfSlice(slice, deps)),
      watch(nodes, () => deps.services.list().filter(isOurs).map(keyOf)),
    ],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

async function reconcile(key: ObjectKey, deps: ServiceLbDeps, { signal }: ReconcileContext): Promise<Result> {
  const service = deps.services.get(key)
  const existing = deps.daemonSets.byIndex(BY_SERVICE, key)
  const duty = service === undefined ? 'clean' : dutyOf(service)
  if (service !== undefined && duty === 'serve') {
    await serve(service, existing, deps, signal)
    return done
  }
  await applyDaemonSets(planDaemonSets(existing, undefined), service, deps, signal)
  if (service !== undefined) await release(service, duty === 'clean', deps, signal)
  return done
}

/** The finalizer goes last, when nothing is left that the Service would leave behind. */
async function release(service: Service, isOver: boolean, { client, recorder }: ServiceLbDeps, signal: AbortSignal): Promise<void> {
  const finalizers = planFinalizers(service, isOver ? 'clean' : 'leave')
  if (finalizers === undefined) return
  const wasOurs = isOver && service.metadata.finalizers?.includes(CLEANUP_FINALIZER) === true
  const isStaying = service.metadata.deletionTimestamp === undefined
  if (wasOurs && isStaying && (service.status.loadBalancer.ingress ?? []).length > 0) {
    // Changes the version, on which the finalizers depend; its watch event brings the next pass.
    await writeIngress(service, [], client, signal)
    return
  }
  await writeFinalizers(service, finalizers, client, signal)
  if (wasOurs) recorder.event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer')
}

async function serve(service: Service, existing: readonly DaemonSet[], deps: ServiceLbDeps, signal: AbortSignal): Promise<void> {
  const { client, recorder, settings } = deps
  const finalizers = planFinalizers(service, 'serve')
  if (finalizers !== undefined) {
    await writeFinalizers(service, finalizers, client, signal)
    return
  }
  const tolerations = await tolerationsOf(service, recorder)
  if (tolerations === undefined) return
  try {
    await ensureAccount(deps, signal)
    const placement = planPlacement(service, deps.nodes.list())
    const wanted = buildDaemonSet({ service, settings, placement, tolerations })
    await applyDaemonSets(planDaemonSets(existing, wanted), service, deps, signal)
  } catch (err) {
    if (!isAborted(signal) && !isConflict(err)) tellFailure(service, `failed to ensure load balancer: ${messageOf(err)}`, recorder)
    throw err
  }
  await report(service, deps, signal)
}

async function report(service: Service, deps: ServiceLbDeps, signal: AbortSignal): Promise<void> {
  const ingress = planIngress({
    service,
    pods: podsOf(service, deps),
    slices: isLocal(service) ? slicesOf(service, deps) : [],
    nodeOf: (name) => deps.nodes.get(name),
    settings: deps.settings,
  })
  if (sameIngress(service.status.loadBalancer.ingress ?? [], ingress)) return
  await writeIngress(service, ingress, deps.client, signal)
  tellIngress(service, ingress, deps.recorder)
}

/** Undefined when the annotation is wrong: told to the user, and no retry helps until it changes. */
async function tolerationsOf(service: Service, recorder: EventRecorder): Promise<readonly Toleration[] | undefined> {
  const text = service.metadata.annotations?.[TOLERATIONS_ANNOTATION] ?? ''
  if (text.trim() === '') return []
  // Few Services have the annotation; the others do without the library.
  const { parseYaml } = await import('../../core/runtime/yaml.ts')
  try {
    return readTolerations(parseYaml(text))
  } catch (err) {
    tellFailure(service, `annotation ${TOLERATIONS_ANNOTATION}: ${messageOf(err)}`, recorder)
    return undefined
  }
}

function tellFailure(service: Service, problem: string, recorder: EventRecorder): void {
  recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: ${problem}`)
}

/** Labels alone prove nothing outside the own namespace, and a Service of the same name may have gone before. */
function podsOf(service: Service, { pods: informer, settings }: ServiceLbDeps): readonly Pod[] {
  const app = daemonSetName(service)
  return informer
    .byIndex(BY_SERVICE, keyOf(service))
    .filter(({ metadata }) => metadata.namespace === settings.namespace && metadata.labels?.['app'] === app)
}

function slicesOf({ metadata }: Service, { slices }: ServiceLbDeps): readonly EndpointSlice[] {
  return slices.list(metadata.namespace).filter((slice) => slice.metadata.labels?.[SERVICE_OF_SLICE] === metadata.name)
}

function keysOfDaemonSet(set: DaemonSet): readonly ObjectKey[] {
  return set.metadata.labels?.[NODE_SELECTOR_LABEL] === undefined ? [] : serviceKeys(set)
}

/** Endpoints matter to the addresses with the Local policy alone. */
function keysOfSlice({ metadata }: EndpointSlice, deps: ServiceLbDeps): readonly ObjectKey[] {
  const name = metadata.labels?.[SERVICE_OF_SLICE]
  if (name === undefined) return []
  const service = deps.services.get(objectKey(metadata.namespace, name))
  return service !== undefined && isOurs(service) && isLocal(service) ? [keyOf(service)] : []
}
