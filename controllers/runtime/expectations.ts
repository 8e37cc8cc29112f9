import type { Informer } from '../../core/client/informer.ts'
import { type KubeObject, keyOf, type ObjectKey } from '../../core/meta/object.ts'
import type { Clock } from '../../core/runtime/clock.ts'

interface Pending {
  readonly uids: Set<string>
  sinceMs: number
}

/** An event that does not come in this time is not waited for any longer. */
const TIMEOUT_MS = 300_000

/**
 * Remembers what a controller has just created or deleted until its own cache shows it. A reconcile that runs before
 * would count too few or too many and act twice; it asks `satisfied` first and leaves, since the event that is missing
 * brings the key back.
 */
export class Expectations<T extends KubeObject> {
  readonly #cache: Informer<T>
  readonly #clock: Clock
  readonly #byKey = new Map<ObjectKey, Pending>()
  readonly #creations = new Map<string, ObjectKey>()
  readonly #deletions = new Map<string, ObjectKey>()

  constructor(cache: Informer<T>, clock: Clock) {
    this.#cache = cache
    this.#clock = clock
    cache.onChange((next, old) => {
      const object = next ?? old
      if (object === undefined) return
      const { uid } = object.metadata
      this.#settle(this.#creations, uid)
      if (next === undefined || next.metadata.deletionTimestamp !== undefined) this.#settle(this.#deletions, uid)
    })
  }

  /** Call with the server's answer to a creation. */
  created(key: ObjectKey, object: T): void {
    if (this.#cache.get(keyOf(object))?.metadata.uid !== object.metadata.uid) this.#expect(this.#creations, key, object.metadata.uid)
  }

  /** Call after a deletion was accepted, with the object as it was cached. */
  deleted(key: ObjectKey, object: T): void {
    const now = this.#cache.get(keyOf(object))
    if (now?.metadata.uid !== object.metadata.uid || now.metadata.deletionTimestamp !== undefined) return
    this.#expect(this.#deletions, key, object.metadata.uid)
  }

  satisfied(key: ObjectKey): boolean {
    const pending = this.#byKey.get(key)
    if (pending === undefined) return true
    if (this.#clock.now() - pending.sinceMs < TIMEOUT_MS) return false
    this.forget(key)
    return true
  }

  /** For keys whose object is gone. */
  forget(key: ObjectKey): void {
    for (const uid of this.#byKey.get(key)?.uids ?? []) {
      this.#creations.delete(uid)
      this.#deletions.delete(uid)
    }
    this.#byKey.delete(key)
  }

  #expect(kind: Map<string, ObjectKey>, key: ObjectKey, uid: string): void {
    const pending = this.#byKey.get(key) ?? { uids: new Set(), sinceMs: 0 }
    pending.uids.add(uid)
    pending.sinceMs = this.#clock.now()
    this.#byKey.set(key, pending)
    kind.set(uid, key)
  }

  #settle(kind: Map<string, ObjectKey>, uid: string): void {
    const key = kind.get(uid)
    if (key === undefined) return
    kind.delete(uid)
    const pending = this.#byKey.get(key)
    pending?.uids.delete(uid)
    if (pending?.uids.size === 0) this.#byKey.delete(key)
  }
}
