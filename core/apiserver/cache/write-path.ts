import type { Commit, Store, Write } from '../../store/store.ts'
import type { Encoded, Entry } from './cache.ts'
import type { CachedEntry } from './cached-entry.ts'

type PutWrite = Extract<Write, { readonly value: Uint8Array }>
type DeleteWrite = Extract<Write, { readonly op: 'delete' }>

interface PendingPut {
  readonly encoded: Encoded
  /** Set when the event of this write was applied. */
  entry: CachedEntry | undefined
}

interface Waiter {
  readonly revision: number
  readonly resolve: () => void
  readonly reject: (err: Error) => void
}

/**
 * Writes of this process on their way through the store: a write is answered after its own event came back and was
 * applied, so everyone reads what he wrote, and the parsed object is not parsed again.
 */
export class WritePath {
  readonly #store: Store
  readonly #puts = new Map<string, PendingPut[]>()
  readonly #lastStates = new Map<string, Encoded>()
  #waiters: Waiter[] = []
  #revision = 0
  #failure: Error | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** Newest revision that every cache has applied. */
  get revision(): number {
    return this.#revision
  }

  /** `build` makes the entry of this write when its event did not: its cache was removed meanwhile. */
  async put(write: PutWrite, encoded: Encoded, build: (commit: Commit) => Entry): Promise<Entry> {
    const pending: PendingPut = { encoded, entry: undefined }
    this.#remember(write.key, pending)
    try {
      const commit = await this.#store.commit(write)
      if (this.#revision < commit.revision) await this.applied(commit.revision)
      return pending.entry?.modRevision === commit.revision ? pending.entry : build(commit)
    } finally {
      this.#forget(write.key, pending)
    }
  }

  async delete(write: DeleteWrite, lastState: Encoded | undefined): Promise<Commit> {
    // NOTE: of several deletes under way for a key one succeeds; the first has the best chance.
    const mine = lastState !== undefined && !this.#lastStates.has(write.key)
    if (mine) this.#lastStates.set(write.key, lastState)
    try {
      const commit = await this.#store.commit(write)
      if (this.#revision < commit.revision) await this.applied(commit.revision)
      return commit
    } finally {
      if (mine) this.#lastStates.delete(write.key)
    }
  }

  /** The write that this event came from. A backend may hand back the very bytes or equal ones. */
  pendingPut(key: string, value: Uint8Array): PendingPut | undefined {
    const pending = this.#puts.get(key)
    return pending?.find((put) => put.entry === undefined && (put.encoded.bytes === value || equal(put.encoded.bytes, value)))
  }

  lastState(key: string): Encoded | undefined {
    return this.#lastStates.get(key)
  }

  /** Resolves when `revision` was applied. */
  applied(revision: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#revision >= revision) {
        resolve()
        return
      }
      const refusal = this.#failure ?? (signal?.aborted === true ? (signal.reason as Error) : undefined)
      if (refusal !== undefined) {
        reject(refusal)
        return
      }
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        reject(signal?.reason as Error)
      }
      const waiter: Waiter = {
        revision,
        resolve: () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
        reject,
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.push(waiter)
    })
  }

  advance(revision: number): void {
    this.#revision = revision
    if (this.#waiters.length === 0) return
    const waiters = this.#waiters
    this.#waiters = waiters.filter((waiter) => waiter.revision > revision)
    for (const waiter of waiters) if (waiter.revision <= revision) waiter.resolve()
  }

  #remember(key: string, pending: PendingPut): void {
    const others = this.#puts.get(key)
    if (others === undefined) this.#puts.set(key, [pending])
    else others.push(pending)
  }

  #forget(key: string, pending: PendingPut): void {
    const left = this.#puts.get(key)?.filter((put) => put !== pending) ?? []
    if (left.length === 0) this.#puts.delete(key)
    else this.#puts.set(key, left)
  }

  fail(err: Error): void {
    this.#failure = err
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.reject(err)
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}
