import type { Client } from '../../core/client/client.ts'
import type { KindMapper } from '../../core/client/kind-mapper.ts'
import { waitForEstablished, waitForObject } from '../../core/client/wait-for-object.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { ignoreNotFound, isReason, type StatusError } from '../../core/meta/status-error.ts'
import { gvkOf, identityOf, objectSetHash, type PlainObject, parseGvks, withOwner } from './object-set.ts'
import { applyOrder } from './order.ts'
import { HASH_LABEL, PRUNE_LABEL } from './types.ts'

export interface ApplyDeps {
  readonly client: Client
  readonly mapper: KindMapper
  /** Field manager: `deploy@NODE`, as K3s names it. */
  readonly manager: string
}

export interface Applied {
  readonly gvks: readonly string[]
  /** One a failed object, with Kubernetes' own message; the other objects went on. */
  readonly problems: readonly string[]
}

/** One application of one file. */
export interface ApplyRun extends ApplyDeps {
  readonly addon: string
  readonly signal: AbortSignal
}

/** Kinds that are made anew when an immutable field changed. Source: K3s' deploy controller. */
const REPLACEABLE = new Set([
  'Deployment',
  'DaemonSet',
  'StatefulSet',
  'Job',
  'Secret',
  'Service',
  'ConfigMap',
  'StorageClass',
  'RoleBinding',
  'ClusterRoleBinding',
])
/** Long enough for most finalizers; an apply that comes too early fails, and the file is tried again. */
const GONE_SECONDS = 30

/**
 * Makes the cluster hold exactly `objects` for this Addon: applies them (server-side, taking over fields) and prunes what it
 * applied before and finds no more. Objects that failed are never pruned; nothing is pruned while anything failed.
 */
export async function applyObjects(objects: readonly PlainObject[], before: string | undefined, run: ApplyRun): Promise<Applied> {
  const problems: string[] = []
  const kept = new Set<string>()
  for (const object of applyOrder(objects)) {
    const problem = await applyOne(object, kept, run)
    if (problem !== undefined) problems.push(problem)
  }
  const now = [...new Set(objects.map(gvkOf))]
  if (problems.length > 0) return { gvks: [...new Set([...now, ...parseGvks(before).map(gvkOf)])], problems }
  const kinds = [...new Set([...now, ...parseGvks(before).map(gvkOf)])]
  await prune(kinds, kept, run)
  return { gvks: now, problems }
}

async function applyOne(object: PlainObject, kept: Set<string>, run: ApplyRun): Promise<string | undefined> {
  const type = await run.mapper.resolve(object.apiVersion, object.kind, run.signal)
  if (type === undefined)
    return `${object.kind} "${object.metadata.name}": no matches for kind "${object.kind}" in version "${object.apiVersion}"`
  const placed = place(object, type)
  kept.add(identityOf(placed))
  try {
    await patch(type, withOwner(placed, run.addon), run)
    // The next object of the file is often one of the new kind. One that takes longer is found when the file is tried again.
    if (object.kind === 'CustomResourceDefinition') await waitForEstablished(run.client, object.metadata.name, run.signal)
    return undefined
  } catch (err) {
    if (
      !isReason(
        err,
        'Invalid',
        'NotFound',
        'Forbidden',
        'BadRequest',
        'Conflict',
        'RequestEntityTooLarge',
        'AlreadyExists',
        'InternalError',
      )
    )
      throw err
    return err.message
  }
}

/** Objects of a namespaced kind go to `default` when they name none; cluster-wide ones name none. */
function place(object: PlainObject, type: ResourceType<KubeObject>): PlainObject {
  const { namespace, ...metadata } = object.metadata
  return { ...object, metadata: type.namespaced ? { ...metadata, namespace: namespace ?? 'default' } : metadata }
}

async function patch(type: ResourceType<KubeObject>, object: PlainObject, run: ApplyRun): Promise<void> {
  const name = { name: object.metadata.name, namespace: object.metadata.namespace }
  const apply = (): Promise<unknown> =>
    run.client.patch(type, name, { type: 'apply', body: object, force: true }, { signal: run.signal, fieldManager: run.manager })
  try {
    await apply()
  } catch (err) {
    if (!isReason(err, 'Invalid') || !REPLACEABLE.has(object.kind) || !isImmutableChange(err)) throw err
    await ignoreNotFound(run.client.delete(type, name, { signal: run.signal, propagationPolicy: 'Background' }))
    await waitForObject(run.client, [type, name], (existing) => existing === undefined, {
      signal: run.signal,
      timeoutSeconds: GONE_SECONDS,
    })
    await apply()
  }
}

function isImmutableChange(err: StatusError): boolean {
  return /immutable|may not change|cannot change/i.test(err.message)
}

async function prune(gvks: readonly string[], kept: ReadonlySet<string>, run: ApplyRun): Promise<void> {
  for (const { apiVersion, kind } of parseGvks(gvks.join(';'))) {
    const type = await run.mapper.resolve(apiVersion, kind, run.signal)
    if (type === undefined) continue
    const { items } = await run.client.list(type, { labelSelector: `${HASH_LABEL}=${objectSetHash(run.addon)}` }, run.signal)
    for (const item of items) {
      const object = { ...item, apiVersion, kind }
      if (kept.has(identityOf(object)) || item.metadata.labels?.[PRUNE_LABEL] === 'false') continue
      await ignoreNotFound(run.client.delete(type, item.metadata, { signal: run.signal, propagationPolicy: 'Background' }))
    }
  }
}
