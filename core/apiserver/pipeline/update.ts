import { deepEqual } from '../../meta/deep-equal.ts'
import { invalid } from '../../meta/field-error.ts'
import type { KubeObject } from '../../meta/object.ts'
import { isReason } from '../../meta/status-error.ts'
import { StoreError } from '../../store/store.ts'
import type { Encoded, Entry } from '../cache/cache.ts'
import { sameButRevision } from '../cache/splice.ts'
import { badRequest, conflict, fromStoreError, invalidObject, notFound } from '../errors.ts'
import { hasView, objectOf, prepareViews } from '../output/view.ts'
import type { SubresourceDef, Work } from '../resources/resource-def.ts'
import { admissionAttributes, Outcome } from './admit.ts'
import { createObject } from './create.ts'
import { encodeForStorage, unstoredEntry } from './encode.ts'
import { recordManagers } from './managed-fields.ts'
import { keepSystemMetadata, prepareUpdate } from './prepare.ts'
import { requireCreate } from './require-create.ts'
import { validateUpdate } from './validate.ts'
import type { WriteContext } from './write-context.ts'
import type { WriteServices } from './write-services.ts'

/** Attempts of a write that names no revision, when others write in between. Source: apiserver, MaxRetryWhenPatchConflicts. */
const CONFLICT_ATTEMPTS = 8

/** One change of one object, told apart by how the next state is made. */
export interface Change {
  /**
   * The wanted state, decoded and defaulted, the caller's own to change; `current` itself is never changed. Called again
   * with a newer `current` after a conflict. Absent `current`: the object does not exist, and `createsWhenAbsent` is true.
   */
  readonly next: (current: Entry | undefined) => Promise<Work<KubeObject>> | Work<KubeObject>
  readonly createsWhenAbsent: boolean
  readonly subresource?: SubresourceDef
  /** A patch: the revision in `next` is the one it was applied to, and makes it conditional only when it is another one. */
  readonly isPatch?: boolean
  /** Server-side apply merges managedFields itself. */
  readonly hasManagers?: boolean
}

export interface Updated {
  readonly entry: Entry
  readonly created: boolean
}

/** Takes a change through the pipeline, again while only the revision is in the way. Throws StatusError. */
export async function updateObject(services: WriteServices, change: Change, context: WriteContext): Promise<Updated> {
  const { def, namespace, name } = context
  const cache = services.cacheOf(def)
  for (let attempt = 1; ; attempt += 1) {
    const current = cache.get(namespace, name)
    try {
      if (current !== undefined) return { entry: await updateOnce(services, change, current, context), created: false }
      if (!change.createsWhenAbsent) throw notFound(def, name)
      return { entry: await createAbsent(services, change, context), created: true }
    } catch (err) {
      if (err instanceof RetryError && attempt < CONFLICT_ATTEMPTS) continue
      throw err instanceof RetryError ? err.reason : fromStoreError(err, def, name)
    }
  }
}

/** Somebody else was faster and the request names no revision: read again and try again. */
class RetryError extends Error {
  readonly reason: unknown

  constructor(reason: unknown) {
    super('the object changed in between')
    this.reason = reason
  }
}

async function createAbsent(services: WriteServices, change: Change, context: WriteContext): Promise<Entry> {
  const object = await change.next(undefined)
  requireCreate(services.authorizer, context)
  const { uid } = object.metadata as { readonly uid?: string }
  if (uid !== undefined && uid !== '')
    throw conflict(context.def, context.name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`)
  try {
    return await createObject(services, object, context, change.hasManagers === true ? { hasManagers: true } : {})
  } catch (err) {
    throw isReason(err, 'AlreadyExists') ? new RetryError(err) : err
  }
}

async function updateOnce(services: WriteServices, change: Change, current: Entry, context: WriteContext): Promise<Entry> {
  const { def, name } = context
  if (!hasView(def, current)) await prepareViews(def, [current])
  const old = objectOf(def, current)
  const next = await change.next(current)
  const isConditional = checkPreconditions(next, current, old, context) && change.isPatch !== true
  keepSystemMetadata(next, old, context)
  if (change.hasManagers !== true) recordManagers(next, old, context)
  const outcome = new Outcome()
  try {
    const attributes = admissionAttributes(context, { operation: 'UPDATE', object: next, oldObject: old }, outcome)
    await services.admission.mutate(attributes)
    prepareUpdate(next, old, context, change.subresource)
    services.hookOf(def)?.onUpdate?.(next, old, context, outcome)
    validateUpdate(next, old, context, change.subresource)
    await services.admission.validate(attributes)
    const entry = await persist(services, next, current, context)
    outcome.settle(!context.options.dryRun)
    return entry
  } catch (err) {
    outcome.settle(false)
    const isRace = err instanceof StoreError && (err.code === 'RevisionMismatch' || err.code === 'NotFound')
    if (isRace && !isConditional) throw new RetryError(fromStoreError(err, def, name))
    throw err
  }
}

/** True when the request names a revision, which is then the current one. */
function checkPreconditions(next: Work<KubeObject>, current: Entry, old: KubeObject, context: WriteContext): boolean {
  const { def, name } = context
  const { uid, resourceVersion } = next.metadata as { readonly uid?: string; readonly resourceVersion?: string }
  if (uid !== undefined && uid !== '' && uid !== old.metadata.uid)
    throw conflict(def, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`)
  if (resourceVersion === undefined || resourceVersion === '' || resourceVersion === '0') {
    if (!def.allowUnconditionalUpdate && context.subresource === '') throw revisionRequired(context)
    return false
  }
  if (!/^\d+$/.test(resourceVersion)) throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(resourceVersion)}`)
  if (Number(resourceVersion) !== current.modRevision) throw conflict(def, name)
  return true
}

function revisionRequired({ def, name }: WriteContext): Error {
  const problem = invalid('metadata.resourceVersion', 0, 'must be specified for an update')
  return invalidObject({ group: def.group, kind: def.resource }, name, [problem])
}

/** Last step: one serialisation, one commit, or none when nothing changed. An object that lost its last finalizer goes. */
async function persist(services: WriteServices, next: Work<KubeObject>, current: Entry, context: WriteContext): Promise<Entry> {
  const { def } = context
  const cache = services.cacheOf(def)
  const encoded = await encodeForStorage(def, next)
  if (isFinished(next, context)) {
    if (!context.options.dryRun) await cache.delete(current, encoded)
    return unstoredEntry(encoded, current, current)
  }
  if (isSame(current, encoded)) return current
  return context.options.dryRun ? unstoredEntry(encoded, current, current) : cache.update(current, encoded)
}

/** Equal but for the revision and the order of keys, which differs between writers. */
function isSame(current: Entry, encoded: Encoded): boolean {
  const revisionLength = String(current.modRevision).length
  if (current.bytes.length !== encoded.bytes.length + revisionLength) return false
  if (sameButRevision(current.bytes, encoded.bytes)) return true
  const { metadata, ...rest } = encoded.object
  const stored = current.object()
  return deepEqual({ ...rest, metadata: { ...metadata, resourceVersion: stored.metadata.resourceVersion } }, stored)
}

/** Nothing holds an object back that was deleted before. Source: apiserver, ShouldDeleteDuringUpdate. */
function isFinished(next: KubeObject, { def }: WriteContext): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers = [] } = next.metadata
  if (deletionTimestamp === undefined || finalizers.length > 0) return false
  return (deletionGracePeriodSeconds ?? 0) === 0 && (def.extraFinalizers?.(next) ?? []).length === 0
}
