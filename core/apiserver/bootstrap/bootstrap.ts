import type { ServiceCIDR } from '../../api/types/networking-v1.ts'
import type { KubeObject } from '../../meta/object.ts'
import { isReason, type StatusReason } from '../../meta/status-error.ts'
import type { ObjectReader } from '../admission/admission.ts'
import {
  authenticationConfigMap,
  type BootstrapSettings,
  kubernetesEndpoints,
  kubernetesService,
  namespaceObjects,
  priorityClassObjects,
  readyCondition,
  serviceCidrObject,
  tokenTrackingConfigMap,
} from './cluster-objects.ts'
import { flowControlObjects } from './flow-control.ts'
import type { BootstrapObject } from './rbac/form.ts'
import { rbacObjects } from './rbac/index.ts'
import {
  keepExisting,
  type Reconciler,
  reconcileBinding,
  reconcileContent,
  reconcileData,
  reconcileFlowControl,
  reconcileRole,
  reconcileService,
} from './reconcile.ts'

/** Sends one request as system:apiserver (group system:masters). Throws StatusError. */
export type BootstrapRequest = (method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<unknown>

export interface BootstrapDeps {
  readonly request: BootstrapRequest
  /** What exists already is compared here, without a request. */
  readonly reader: ObjectReader
  readonly settings: BootstrapSettings
  readonly nowMs: number
}

interface Resource {
  readonly group: string
  readonly resource: string
}

/** Plural of every kind made here. */
const PLURALS: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ConfigMap: 'configmaps',
  Service: 'services',
  Endpoints: 'endpoints',
  EndpointSlice: 'endpointslices',
  ServiceCIDR: 'servicecidrs',
  PriorityClass: 'priorityclasses',
  PriorityLevelConfiguration: 'prioritylevelconfigurations',
  FlowSchema: 'flowschemas',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles',
  RoleBinding: 'rolebindings',
}

/**
 * Makes the objects every cluster has and repairs those that were changed, as far as they are the server's to repair. Safe to repeat
 * and to run on several servers at once. Throws a plain Error that names what failed, after trying everything of the same step. Writes within a step run concurrently, so a store that groups commits waits for few of them.
 */
export async function bootstrapObjects(deps: BootstrapDeps): Promise<void> {
  const { settings, nowMs } = deps
  const { roles, bindings } = rbacObjects()
  await ensureAll(deps, namespaceObjects(), keepExisting)
  await allSettled([
    ensureAll(deps, roles, reconcileRole),
    ensureAll(deps, bindings, reconcileBinding),
    ensureAll(deps, flowControlObjects(), reconcileFlowControl),
    ensureAll(deps, priorityClassObjects(), keepExisting),
    ensureAll(deps, [authenticationConfigMap(settings)], reconcileData),
    ensureAll(deps, [tokenTrackingConfigMap(nowMs)], keepExisting),
    ensureServiceCidr(deps),
  ])
  await ensureAll(deps, [kubernetesService(settings)], reconcileService)
  await ensureKubernetesEndpoints(deps)
}

/** The default range is usable at once; nothing else tells so. */
async function ensureServiceCidr(deps: BootstrapDeps): Promise<void> {
  const wanted = serviceCidrObject(deps.settings)
  await ensureAll(deps, [wanted], keepExisting)
  const resource = resourceOf(wanted)
  const current = deps.reader.get<ServiceCIDR>(resource, '', wanted.metadata.name)
  if (current === undefined || (current.status.conditions ?? []).some(({ type }) => type === 'Ready')) return
  const status = { conditions: [readyCondition(deps.nowMs)] }
  const path = `${collectionPath(wanted, resource)}/${wanted.metadata.name}/status`
  await unlessLost(deps.request('PUT', path, { ...withType(current, wanted), status }), 'Conflict', 'NotFound')
}

/** Apart, since the addresses of the servers change while they run. */
export async function ensureKubernetesEndpoints(deps: BootstrapDeps): Promise<void> {
  await ensureAll(deps, kubernetesEndpoints(deps.settings), reconcileContent)
}

/** All are tried before the first failure is thrown, with the names of what failed. */
async function ensureAll(deps: BootstrapDeps, wanted: readonly BootstrapObject[], reconcile: Reconciler): Promise<void> {
  const results = await Promise.allSettled(wanted.map(async (object) => ensure(deps, object, reconcile)))
  const failures = results.flatMap((result, at) =>
    result.status === 'rejected' ? [{ err: result.reason as Error, object: wanted[at] }] : [],
  )
  const [first] = failures
  if (first === undefined) return
  const names = failures.map(({ object }) => `${object?.kind ?? ''} ${object?.metadata.name ?? ''}`)
  throw new Error(`${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}: ${first.err.message}`, {
    cause: first.err,
  })
}

/** The same for groups of objects. */
async function allSettled(groups: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(groups)).find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason as Error
}

async function ensure({ request, reader }: BootstrapDeps, wanted: BootstrapObject, reconcile: Reconciler): Promise<void> {
  const resource = resourceOf(wanted)
  const { namespace = '', name } = wanted.metadata
  const current = reader.get(resource, namespace, name)
  const collection = collectionPath(wanted, resource)
  const path = `${collection}/${encodeURIComponent(name)}`
  if (current === undefined) {
    await unlessLost(request('POST', collection, wanted), 'AlreadyExists')
    return
  }
  const repair = reconcile(withType(current, wanted), wanted)
  if (repair.kind === 'update') await unlessLost(request('PUT', path, repair.object), 'Conflict', 'NotFound')
  if (repair.kind === 'replace') {
    await unlessLost(request('DELETE', path), 'NotFound')
    await unlessLost(request('POST', collection, repair.object), 'AlreadyExists')
  }
}

/** Another server did the same at the same time: its result is as good. */
async function unlessLost(result: Promise<unknown>, ...reasons: readonly StatusReason[]): Promise<void> {
  try {
    await result
  } catch (err) {
    if (!isReason(err, ...reasons)) throw err
  }
}

function withType(current: KubeObject, { apiVersion, kind }: BootstrapObject): KubeObject {
  return { ...current, apiVersion, kind }
}

function resourceOf({ apiVersion, kind }: BootstrapObject): Resource {
  const resource = PLURALS[kind]
  if (resource === undefined) throw new Error(`no plural known for ${kind}`)
  const slash = apiVersion.indexOf('/')
  return { group: slash < 0 ? '' : apiVersion.slice(0, slash), resource }
}

function collectionPath({ apiVersion, metadata }: BootstrapObject, { resource }: Resource): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  return metadata.namespace === undefined ? `${root}/${resource}` : `${root}/namespaces/${metadata.namespace}/${resource}`
}
