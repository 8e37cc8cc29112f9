import { childController, isAborted } from '../runtime/abort.ts'
import type { Logger } from '../observability/log.ts'
import type { KubeObject } from '../meta/object.ts'
import { StoreError } from '../store/store.ts'
import type { ObjectReader } from './admission/admission.ts'
import type { ResourceCache } from './cache/cache.ts'
import type { ResourceTable } from './resource-table.ts'

export interface ObjectReaderDeps {
  readonly resources: ResourceTable
  /** By storage prefix. */
  readonly cacheOf: (storagePrefix: string) => ResourceCache | undefined
  /** Ends the listeners. */
  readonly signal: AbortSignal
  readonly log: Logger
}

type GroupResource = Parameters<ObjectReader['get']>[0]

/** Read access to stored objects, in their stored version, for admission and authorization. Unknown resources are empty. */
export function createObjectReader(deps: ObjectReaderDeps): ObjectReader {
  const prefixes = new Map<string, string>()
  deps.resources.onChange(() => prefixes.clear())
  const cacheFor = ({ group, resource }: GroupResource): ResourceCache | undefined => {
    const key = `${group}/${resource}`
    let prefix = prefixes.get(key)
    if (prefix === undefined) {
      const def = deps.resources.all().find((known) => known.group === group && known.resource === resource && known.storagePrefix !== '')
      if (def === undefined) return undefined
      prefix = def.storagePrefix
      prefixes.set(key, prefix)
    }
    return deps.cacheOf(prefix)
  }
  return {
    get: <T extends KubeObject>(resource: GroupResource, namespace: string, name: string) =>
      cacheFor(resource)?.get(namespace, name)?.object() as T | undefined,
    list: <T extends KubeObject>(resource: GroupResource, namespace?: string) => {
      const cache = cacheFor(resource)
      if (cache === undefined) return []
      return cache.list(namespace === undefined ? {} : { namespace }).entries.map((entry) => entry.object() as T)
    },
    onChange: (resource, listener) => {
      const cache = cacheFor(resource)
      if (cache === undefined) return () => undefined
      const life = childController(deps.signal)
      follow(cache, listener, life.signal).catch((err: unknown) => {
        if (!isAborted(life.signal)) deps.log.error({ err, resource: resource.resource }, 'Following a resource failed')
      })
      return () => {
        life.abort()
        life[Symbol.dispose]()
      }
    },
  }
}

type Listener = Parameters<ObjectReader['onChange']>[1]

/** A listener that fell too far behind is told that everything may have changed. */
async function follow(cache: ResourceCache, listener: Listener, signal: AbortSignal): Promise<void> {
  for (;;) {
    const watch = cache.watch({ afterRevision: cache.revision })
    try {
      for (let batch = await watch.pull(signal); batch !== undefined; batch = await watch.pull(signal))
        for (const { entry } of batch.events) listener({ namespace: entry.namespace, name: entry.name })
      return
    } catch (err) {
      if (!(err instanceof StoreError) || err.code !== 'Compacted') throw err
      listener()
    } finally {
      watch.close()
    }
  }
}
