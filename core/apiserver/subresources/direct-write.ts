import type { KubeObject } from '../../meta/object.ts'
import { StoreError } from '../../store/store.ts'
import type { Entry } from '../cache/cache.ts'
import { fromStoreError, notFound } from '../errors.ts'
import { encodeForStorage, unstoredEntry } from '../pipeline/encode.ts'
import type { WriteServices } from '../pipeline/write-services.ts'
import type { ResourceDef, Work } from '../resources/resource-def.ts'

const CONFLICT_ATTEMPTS = 8

export interface DirectWrite {
  readonly def: ResourceDef
  readonly namespace: string
  readonly name: string
  readonly dryRun: boolean
  /** The next state from the current one, which is shared and must not be changed. Called again after a conflict. */
  readonly change: (current: KubeObject) => KubeObject
}

/**
 * Changes a stored object without hooks, ownership tracking and admission: for subresources that are an operation of the
 * server itself, such as a binding. Throws StatusError.
 */
export async function writeDirectly(services: WriteServices, { def, namespace, name, dryRun, change }: DirectWrite): Promise<Entry> {
  const cache = services.cacheOf(def)
  for (let attempt = 1; ; attempt += 1) {
    const current = cache.get(namespace, name)
    if (current === undefined) throw notFound(def, name)
    const encoded = await encodeForStorage(def, change(current.object()) as Work<KubeObject>)
    if (dryRun) return unstoredEntry(encoded, current, current)
    try {
      return await cache.update(current, encoded)
    } catch (err) {
      const isRace = err instanceof StoreError && err.code === 'RevisionMismatch'
      if (!isRace || attempt === CONFLICT_ATTEMPTS) throw fromStoreError(err, def, name)
    }
  }
}
