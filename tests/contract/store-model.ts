import type { Store, StoreEvent, Write } from '../../core/store/store.ts'

interface ModelRecord {
  readonly value: string
  readonly modRevision: number
  readonly createRevision: number
}

export interface ModelEvent {
  readonly op: 'create' | 'update' | 'delete'
  readonly key: string
  readonly value: string
  readonly revision: number
  readonly createRevision: number
}

/** What a store must be, in the simplest form: a map, its whole history, and the outcome of each write. */
export class StoreModel {
  readonly live = new Map<string, ModelRecord>()
  readonly history: ModelEvent[] = []
  revision = 1
  compacted = 0

  /** The error code that refuses the write now. */
  refusal(write: Write): string | undefined {
    const current = this.live.get(write.key)
    if (write.op === 'create') return current === undefined ? undefined : 'KeyExists'
    if (current === undefined) return 'NotFound'
    return current.modRevision === write.ifRevision ? undefined : 'RevisionMismatch'
  }

  /** Takes over an accepted write with the revision the store gave it. */
  accept(write: Write, revision: number): void {
    const current = this.live.get(write.key)
    const createRevision = current?.createRevision ?? revision
    const value = write.op === 'delete' ? (current?.value ?? '') : text(write.value)
    if (write.op === 'delete') this.live.delete(write.key)
    else this.live.set(write.key, { value, modRevision: revision, createRevision })
    this.history.push({ op: write.op, key: write.key, value, revision, createRevision })
    this.revision = revision
  }

  list(prefix: string): (ModelRecord & { readonly key: string })[] {
    const found = [...this.live].filter(([key]) => key.startsWith(prefix)).map(([key, record]) => ({ key, ...record }))
    return found.sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  /** The state at an earlier revision. */
  at(revision: number): StoreModel {
    const past = new StoreModel()
    for (const event of this.history) {
      if (event.revision > revision) break
      if (event.op === 'delete') past.live.delete(event.key)
      else past.live.set(event.key, { value: event.value, modRevision: event.revision, createRevision: event.createRevision })
    }
    past.revision = revision
    return past
  }

  since(revision: number, prefix: string): ModelEvent[] {
    return this.history.filter((event) => event.revision > revision && event.key.startsWith(prefix))
  }
}

export const bytes = (value: string): Uint8Array => Buffer.from(value)
export const text = (value: Uint8Array): string => Buffer.from(value).toString()

export function toModelEvent(event: StoreEvent): ModelEvent {
  const { op, key, revision, createRevision } = event
  return { op, key, revision, createRevision, value: text(event.value) }
}

export async function listTexts(
  store: Store,
  prefix: string,
  atRevision?: number,
): Promise<{ readonly key: string; readonly value: string }[]> {
  const { items } = await store.list({ prefix, ...(atRevision !== undefined && { atRevision }) })
  return items.map(({ key, value, modRevision, createRevision }) => ({ key, value: text(value), modRevision, createRevision }))
}
