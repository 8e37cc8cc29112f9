import { statSync } from 'node:fs'
import { GroupCommit } from '../log/group-commit.ts'
import type { LogIndex } from '../log/log-index.ts'
import type { LogRow } from '../log/row.ts'
import { WatchHub } from '../log/watch-hub.ts'
import {
  type Commit,
  type KeyValue,
  type ListOptions,
  type ListResult,
  type Store,
  StoreError,
  type StoreStats,
  type WatchBatch,
  type WatchOptions,
  type Write,
} from '../store.ts'
import { isDriverError, toDriverFailure, toStoreError } from './errors.ts'
import type { RowBatch } from './log-file.ts'
import type { LogWriter } from './log-writer.ts'
import type { LogReader } from './reader.ts'

/** Dead revisions deleted in one transaction: a slice holds writers up for well under a millisecond plus its fsync. */
const COMPACTION_SLICE = 100
const VACUUM_SLICE_PAGES = 64
/** Below this share of all live records, values are read one by one instead of in one pass over the log. */
const SCAN_BY_KEY_SHARE = 0.25

export interface SqliteStoreDeps {
  readonly path: string
  readonly index: LogIndex
  readonly reader: LogReader
  readonly writer: LogWriter
  /** Runs last when the store closes. */
  readonly release: () => void
}

/** Store over one SQLite file: SQL is the durable log, what decides and what is current is in memory. */
export class SqliteStore implements Store {
  /** Settles when the store was closed; rejects when its writer died, after which every write is refused. */
  readonly done: Promise<void>
  readonly #deps: SqliteStoreDeps
  readonly #commits: GroupCommit
  readonly #hub: WatchHub
  readonly #settleDone: { readonly resolve: () => void; readonly reject: (err: Error) => void }
  #closed: Promise<void> | undefined

  constructor(deps: SqliteStoreDeps) {
    this.#deps = deps
    const { index, reader } = deps
    this.#hub = new WatchHub({
      get revision() {
        return index.revision
      },
      get compacted() {
        return index.compacted
      },
      rows: (range) => reader.rows(range),
      valueAt: (revision) => reader.valueAt(revision),
    })
    this.#commits = new GroupCommit({
      index,
      append: (rows) => this.#append(rows),
      onCommitted: (rows) => this.#hub.publish(rows),
    })
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    this.done = promise
    this.#settleDone = { resolve: () => resolve(undefined), reject }
    // Whoever supervises the store awaits `done`; without a supervisor its failure still shows in every write.
    this.done.catch(() => undefined)
  }

  get revision(): number {
    return this.#deps.index.revision
  }

  commit(write: Write): Promise<Commit> {
    return this.#commits.commit(write)
  }

  get(key: string): Promise<KeyValue | undefined> {
    return this.#reading(() => this.#readKey(key))
  }

  list(options: ListOptions): Promise<ListResult> {
    return this.#reading(() => this.#list(options))
  }

  scan(prefix: string, visit: (record: KeyValue) => void): Promise<number> {
    return this.#reading(() => this.#scan(prefix, visit))
  }

  watch(options: WatchOptions): AsyncIterable<WatchBatch> {
    return this.#hub.watch(options)
  }

  async compact(revision: number): Promise<void> {
    const { index } = this.#deps
    if (revision > index.revision) {
      throw new StoreError('FutureRevision', `cannot compact revision ${revision}; the newest is ${index.revision}`)
    }
    if (revision <= index.compacted) return
    index.markCompacted(revision)
    let removed = COMPACTION_SLICE
    while (removed === COMPACTION_SLICE) removed = await this.#commits.between(() => this.#removeSlice())
    while ((await this.#commits.between(() => this.#deps.writer.vacuum(VACUUM_SLICE_PAGES))) > 0);
  }

  stats(): StoreStats {
    const { index, path } = this.#deps
    return { liveKeys: index.liveKeys, fileBytes: sizeOf(path), walBytes: sizeOf(`${path}-wal`), oldestRevision: index.compacted }
  }

  /** Called by the writer when its thread ended by itself. */
  fail(err: Error): void {
    const failure = new StoreError('Unavailable', 'the writer of the datastore has died', { cause: err })
    this.#commits.fail(failure)
    this.#hub.close(failure)
    this.#settleDone.reject(failure)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#commits.refuse(new StoreError('Unavailable', 'the datastore is closing'))
    await this.#commits.idle()
    this.#hub.close()
    this.#deps.reader.close()
    await this.#deps.writer.close()
    this.#deps.release()
    this.#settleDone.resolve()
  }

  async #append(rows: readonly LogRow[]): Promise<void> {
    try {
      await this.#deps.writer.append(toBatch(rows))
    } catch (err) {
      throw toStoreError(toDriverFailure(err), this.#deps.path)
    }
  }

  async #removeSlice(): Promise<number> {
    const { index, writer, path } = this.#deps
    const revisions = index.takeDead(COMPACTION_SLICE)
    try {
      await writer.remove({ revisions, compacted: index.compacted })
    } catch (err) {
      index.returnDead(revisions)
      throw toStoreError(toDriverFailure(err), path)
    }
    return revisions.length
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- async so that what it throws rejects
  async #reading<T>(read: () => T): Promise<T> {
    try {
      return read()
    } catch (err) {
      throw isDriverError(err) ? toStoreError(toDriverFailure(err), this.#deps.path) : err
    }
  }

  #list(options: ListOptions): ListResult {
    const { prefix, startAfter = '', limit = 0, atRevision } = options
    const revision = atRevision ?? this.revision
    this.#assertHistory(revision)
    const wanted = limit > 0 ? limit + 1 : -1
    const items =
      atRevision === undefined
        ? this.#listCurrent(prefix, startAfter, wanted)
        : this.#deps.reader.listAt(revision, prefix, startAfter, wanted)
    const more = limit > 0 && items.length > limit
    return { revision, items: more ? items.slice(0, limit) : items, more }
  }

  #scan(prefix: string, visit: (record: KeyValue) => void): number {
    const { index, reader } = this.#deps
    const keys = prefix === '' ? undefined : [...index.entries()].filter(([key]) => key.startsWith(prefix))
    if (keys !== undefined && keys.length < index.liveKeys * SCAN_BY_KEY_SHARE) {
      for (const [key] of keys) {
        const record = this.#readKey(key)
        if (record !== undefined) visit(record)
      }
      return this.revision
    }
    reader.scanAll((modRevision, key, value) => {
      const live = index.get(key)
      if (live?.revision === modRevision && key.startsWith(prefix)) visit({ key, value, modRevision, createRevision: live.createRevision })
    })
    return this.revision
  }

  #readKey(key: string): KeyValue | undefined {
    const live = this.#deps.index.get(key)
    const value = live === undefined ? undefined : this.#deps.reader.valueAt(live.revision)
    if (live === undefined || value === undefined) return undefined
    return { key, value, createRevision: live.createRevision, modRevision: live.revision }
  }

  #listCurrent(prefix: string, startAfter: string, wanted: number): KeyValue[] {
    const keys: string[] = []
    for (const [key] of this.#deps.index.entries()) if (key.startsWith(prefix) && key > startAfter) keys.push(key)
    keys.sort()
    const chosen = wanted < 0 ? keys : keys.slice(0, wanted)
    return chosen.map((key) => this.#readKey(key)).filter((record) => record !== undefined)
  }

  #assertHistory(revision: number): void {
    const { compacted } = this.#deps.index
    if (revision > this.revision)
      throw new StoreError('FutureRevision', `revision ${revision} does not exist yet; the newest is ${this.revision}`)
    if (revision < compacted) throw new StoreError('Compacted', `revision ${revision} was compacted; the oldest kept is ${compacted}`)
  }
}

function toBatch(rows: readonly LogRow[]): RowBatch {
  const created = rows.map((row) => (row.op === 'delete' ? -row.createRevision : row.createRevision))
  return {
    revisions: rows.map((row) => row.revision),
    keys: rows.map((row) => row.key),
    created,
    values: rows.map((row) => row.value ?? row.previousRevision),
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
