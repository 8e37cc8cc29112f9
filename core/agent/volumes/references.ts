import type { Client } from '../../client/client.ts'
import { type KubeObject, type ObjectName, objectKey } from '../../meta/object.ts'
import { groupResourceOf, type ResourceType } from '../../meta/resource-type.ts'
import { ignoreNotFound } from '../../meta/status-error.ts'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import { Backoff } from '../../runtime/backoff.ts'
import type { Clock } from '../../runtime/clock.ts'

/**
 * Follows single objects that pods refer to, each by a watch of its own and only while somebody holds it: a node may not list
 * the Secrets of a cluster, and should not. Source: the node authorizer's rules.
 */
export interface References {
  /** The object as it is now; undefined when absent. `onChange` is called after later changes. Release when done. */
  hold<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, onChange: () => void): Hold<T>
}

export interface Hold<T> {
  read(signal: AbortSignal): Promise<T | undefined>
  release(): void
}

interface Followed {
  value: KubeObject | undefined
  ready: Promise<void>
  readonly listeners: Set<() => void>
  readonly stop: AbortController
}

/** Follows single objects by name, one watch each, for as long as a pod names them. */
export function createReferences(deps: { readonly client: Client; readonly clock: Clock; readonly log: Logger }): References {
  const followed = new Map<string, Followed>()
  return {
    hold: (type, name, onChange) => {
      const key = `${groupResourceOf(type)} ${objectKey(name.namespace, name.name)}`
      let entry = followed.get(key)
      if (entry === undefined) {
        entry = follow(type, name, deps)
        followed.set(key, entry)
      }
      const mine = entry
      // A function of its own for each holder, so that one holder's release never silences another.
      const listener = (): void => onChange()
      mine.listeners.add(listener)
      return {
        read: async (signal) => {
          await mine.ready
          signal.throwIfAborted()
          return mine.value as never
        },
        release: () => {
          mine.listeners.delete(listener)
          if (mine.listeners.size > 0) return
          mine.stop.abort()
          if (followed.get(key) === mine) followed.delete(key)
        },
      }
    },
  }
}

function follow(
  type: ResourceType<KubeObject>,
  name: ObjectName,
  deps: { readonly client: Client; readonly clock: Clock; readonly log: Logger },
): Followed {
  const stop = new AbortController()
  const entry: Followed = { value: undefined, ready: Promise.resolve(), listeners: new Set(), stop }
  let settle: () => void = () => undefined
  let fail: (err: unknown) => void = () => undefined
  const expect = (): void => {
    entry.ready = new Promise<void>((resolve, reject) => {
      settle = resolve
      fail = reject
    })
    // The error belongs to whoever reads; without a reader it is not an accident.
    entry.ready.catch(() => undefined)
  }
  expect()
  void (async () => {
    const backoff = new Backoff({ baseMs: 200, maxMs: 30_000, jitter: 0.2 })
    while (!isAborted(stop.signal)) {
      try {
        await oneRound(type, name, { entry, client: deps.client, settle: () => settle() })
        backoff.reset()
      } catch (err) {
        if (isAborted(stop.signal)) return
        fail(err)
        deps.log.debug({ err, kind: type.kind, name: name.name }, 'Reading a referenced object failed, retrying')
        await deps.clock.sleep(backoff.nextMs(), stop.signal).catch(() => undefined)
        expect()
      }
    }
  })()
  return entry
}

async function oneRound(
  type: ResourceType<KubeObject>,
  name: ObjectName,
  context: { readonly entry: Followed; readonly client: Client; readonly settle: () => void },
): Promise<void> {
  const { entry, client, settle } = context
  const { signal } = entry.stop
  const update = (value: KubeObject | undefined): void => {
    const changed = entry.value?.metadata.resourceVersion !== value?.metadata.resourceVersion
    entry.value = value
    settle()
    if (changed) for (const listener of entry.listeners) listener()
  }
  const current = await ignoreNotFound(client.get(type, name, signal))
  update(current)
  const query = {
    namespace: name.namespace,
    fieldSelector: `metadata.name=${name.name}`,
    ...(current !== undefined && { resourceVersion: current.metadata.resourceVersion }),
  }
  for await (const batch of client.watch(type, query, signal)) {
    for (const event of batch) if (event.type !== 'BOOKMARK') update(event.type === 'DELETED' ? undefined : event.object)
  }
}
