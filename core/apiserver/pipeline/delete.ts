import { StoreError } from '../../store/store.ts'
import type { KubeObject } from '../../meta/object.ts'
import type { Entry } from '../cache/cache.ts'
import { conflict, fromStoreError, notFound } from '../errors.ts'
import { hasView, objectOf, prepareViews } from '../output/view.ts'
import type { Work } from '../resources/resource-def.ts'
import { admissionAttributes, Outcome } from './admit.ts'
import type { DeleteOptions } from './delete-options.ts'
import { planDelete } from './deletion.ts'
import { encodeForStorage, unstoredEntry } from './encode.ts'
import type { WriteContext } from './write-context.ts'
import type { WriteServices } from './write-services.ts'

/** Attempts when others write in between. */
const CONFLICT_ATTEMPTS = 16

export interface Deleted {
  /** The object as it is after the request: gone, or still there under finalizers or grace. */
  readonly entry: Entry
  readonly isGone: boolean
}

/** Deletes one object, or starts to. Throws StatusError NotFound, Conflict for preconditions, what admission throws. */
export async function deleteObject(services: WriteServices, options: DeleteOptions, context: WriteContext): Promise<Deleted> {
  const { def, namespace, name } = context
  const cache = services.cacheOf(def)
  for (let attempt = 1; ; attempt += 1) {
    const current = cache.get(namespace, name)
    if (current === undefined) throw notFound(def, name)
    if (!hasView(def, current)) await prepareViews(def, [current])
    const old = objectOf(def, current)
    checkPreconditions(options, old, context)
    const outcome = new Outcome()
    try {
      const attributes = admissionAttributes(context, { operation: 'DELETE', oldObject: old }, outcome)
      await services.admission.mutate(attributes)
      await services.admission.validate(attributes)
      const deleted = await deleteOnce(services, options, current, context)
      outcome.settle(!options.dryRun)
      return deleted
    } catch (err) {
      outcome.settle(false)
      const isRace = err instanceof StoreError && (err.code === 'RevisionMismatch' || err.code === 'NotFound')
      if (!isRace || attempt === CONFLICT_ATTEMPTS) throw fromStoreError(err, def, name)
    }
  }
}

async function deleteOnce(services: WriteServices, options: DeleteOptions, current: Entry, context: WriteContext): Promise<Deleted> {
  const { def } = context
  const cache = services.cacheOf(def)
  const old = objectOf(def, current)
  const plan = planDelete(def, old, options, context.nowMs)
  const isUnchanged = plan.next === old
  const encoded = isUnchanged ? undefined : await encodeForStorage(def, plan.next as Work<KubeObject>)
  if (plan.action === 'pending') return { entry: current, isGone: false }
  if (options.dryRun) {
    const entry = encoded === undefined ? current : unstoredEntry(encoded, current, current)
    return { entry, isGone: plan.action === 'remove' }
  }
  if (plan.action === 'remove') {
    await cache.delete(current, encoded)
    return { entry: encoded === undefined ? current : unstoredEntry(encoded, current, current), isGone: true }
  }
  return { entry: encoded === undefined ? current : await cache.update(current, encoded), isGone: false }
}

function checkPreconditions({ uid, resourceVersion }: DeleteOptions, object: KubeObject, { def, name }: WriteContext): void {
  if (uid !== undefined && uid !== object.metadata.uid)
    throw conflict(
      def,
      name,
      `the UID in the precondition (${uid}) does not match the UID in record (${object.metadata.uid}). The object might have been deleted and then recreated`,
    )
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion)
    throw conflict(
      def,
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${object.metadata.resourceVersion}). The object might have been modified`,
    )
}
