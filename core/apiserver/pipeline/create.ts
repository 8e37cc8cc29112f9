import type { KubeObject } from '../../meta/object.ts'
import { StatusError } from '../../meta/status-error.ts'
import { StoreError } from '../../store/store.ts'
import type { Entry, ResourceCache } from '../cache/cache.ts'
import { alreadyExists, fromStoreError } from '../errors.ts'
import type { Work } from '../resources/resource-def.ts'
import { admissionAttributes, Outcome } from './admit.ts'
import { encodeForStorage, unstoredEntry } from './encode.ts'
import { recordManagers } from './managed-fields.ts'
import { chooseName, prepareCreate, prepareNew } from './prepare.ts'
import { validateCreate } from './validate.ts'
import type { WriteContext } from './write-context.ts'
import type { WriteServices } from './write-services.ts'

/** Attempts with another generated name after a collision. Source: apiserver, maxNameGenerationCreateAttempts. */
const NAME_ATTEMPTS = 8

export interface CreateOptions {
  /** Server-side apply has merged its own managedFields already. */
  readonly hasManagers?: boolean
}

/**
 * Takes a decoded and defaulted object through the rest of the pipeline. Resolves with the stored entry, or with what
 * would have been stored for a dry run. Throws StatusError.
 */
export async function createObject(
  services: WriteServices,
  object: Work<KubeObject>,
  context: WriteContext,
  options: CreateOptions = {},
): Promise<Entry> {
  prepareNew(object, context)
  const isGenerated = chooseName(object)
  if (options.hasManagers !== true) recordManagers(object, undefined, context)
  const outcome = new Outcome()
  try {
    await services.admission.mutate(admissionAttributes(context, { operation: 'CREATE', object }, outcome))
    prepareCreate(object, context)
    services.hookOf(context.def)?.onCreate?.(object, context, outcome)
    const entry = await validateAndStore(services, { object, isGenerated }, context, outcome)
    outcome.settle(!context.options.dryRun)
    return entry
  } catch (err) {
    outcome.settle(false)
    throw err
  }
}

async function validateAndStore(
  services: WriteServices,
  { object, isGenerated }: { readonly object: Work<KubeObject>; readonly isGenerated: boolean },
  context: WriteContext,
  outcome: Outcome,
): Promise<Entry> {
  for (let attempt = 1; ; attempt += 1) {
    validateCreate(object, context)
    await services.admission.validate(admissionAttributes(context, { operation: 'CREATE', object }, outcome))
    try {
      return await store(services.cacheOf(context.def), object, context)
    } catch (err) {
      if (!(err instanceof StoreError) || err.code !== 'KeyExists') throw fromStoreError(err, context.def, object.metadata.name)
      if (!isGenerated) throw existsError(services, object, context)
      if (attempt === NAME_ATTEMPTS) throw noUniqueName(object, context)
      object.metadata.name = ''
      chooseName(object)
    }
  }
}

async function store(cache: ResourceCache, object: Work<KubeObject>, context: WriteContext): Promise<Entry> {
  const { name } = object.metadata
  const encoded = await encodeForStorage(context.def, object)
  if (!context.options.dryRun) return cache.create(context.namespace, name, encoded)
  if (cache.get(context.namespace, name) !== undefined) throw new StoreError('KeyExists', name)
  return unstoredEntry(encoded, { namespace: context.namespace, name })
}

function existsError(services: WriteServices, object: KubeObject, { def, namespace }: WriteContext): StatusError {
  const { name } = object.metadata
  const err = alreadyExists(def, name)
  const existing = services.cacheOf(def).get(namespace, name)?.object()
  if (existing?.metadata.deletionTimestamp === undefined) return err
  return new StatusError('AlreadyExists', `object is being deleted: ${err.message}`, err.details)
}

function noUniqueName(object: KubeObject, { def }: WriteContext): StatusError {
  const err = alreadyExists(def, object.metadata.name)
  const message = `${err.message}, the server was not able to generate a unique name for the object`
  return new StatusError('AlreadyExists', message, { ...err.details, retryAfterSeconds: 1 })
}
