import type { CacheEvent } from './cache.ts'
import type { CachedEntry } from './cached-entry.ts'
import type { EventType } from './splice.ts'

/** One applied change of one resource, shared by the ring and all watchers. */
export class Change {
  readonly revision: number
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly previous: CachedEntry | undefined
  /** Absent when the object was deleted. */
  readonly next: CachedEntry | undefined
  readonly #deleted: CachedEntry | undefined
  #events: Partial<Record<EventType, SharedEvent>> | undefined

  /** `deleted` is the last state at the revision of the deletion. */
  constructor(
    revision: number,
    previous: CachedEntry | undefined,
    after: { readonly next: CachedEntry } | { readonly deleted: CachedEntry },
  ) {
    const subject = 'next' in after ? after.next : after.deleted
    this.revision = revision
    this.key = subject.key
    this.namespace = subject.namespace
    this.name = subject.name
    this.previous = previous
    this.next = 'next' in after ? after.next : undefined
    this.#deleted = 'next' in after ? undefined : after.deleted
  }

  get weight(): number {
    return (this.next?.weight ?? 0) + (this.#deleted?.weight ?? 0)
  }

  /** What a watcher with this selection sees; nothing when neither state is in it. */
  eventFor(matches: ((entry: CachedEntry) => boolean) | undefined): CacheEvent | undefined {
    const before = this.previous !== undefined && (matches === undefined || matches(this.previous))
    const after = this.next !== undefined && (matches === undefined || matches(this.next))
    if (after) return this.#event(before ? 'MODIFIED' : 'ADDED')
    return before ? this.#event('DELETED') : undefined
  }

  #event(type: EventType): CacheEvent {
    this.#events ??= {}
    this.#events[type] ??= new SharedEvent(type, this.#entryFor(type))
    return this.#events[type]
  }

  #entryFor(type: EventType): CachedEntry {
    const entry = type === 'DELETED' ? (this.#deleted ?? this.previous?.deletedAt(this.revision, undefined)) : this.next
    if (entry === undefined) throw new Error(`a change without a state for ${type}`)
    return entry
  }
}

class SharedEvent implements CacheEvent {
  readonly type: EventType
  readonly entry: CachedEntry
  #frame: Uint8Array | undefined

  constructor(type: EventType, entry: CachedEntry) {
    this.type = type
    this.entry = entry
  }

  get frame(): Uint8Array {
    this.#frame ??= this.entry.frame(this.type)
    return this.#frame
  }
}
