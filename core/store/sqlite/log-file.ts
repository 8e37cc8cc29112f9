import Database from 'better-sqlite3'
import { migrate, prepareConnection } from './schema.ts'

/** Rows of one transaction, column by column: cheap to send to another thread. */
export interface RowBatch {
  readonly revisions: readonly number[]
  readonly keys: readonly string[]
  /** Creation revision, negative for a deletion. */
  readonly created: readonly number[]
  /** The value, or for a deletion the revision of the removed record. */
  readonly values: readonly (Uint8Array | number)[]
}

export interface Slice {
  readonly revisions: readonly number[]
  readonly compacted: number
}

export interface CheckpointResult {
  /** Pages of the WAL that are not yet in the database file. */
  readonly pendingPages: number
}

const SQL = {
  insertRow: 'INSERT INTO log (rev, key, created, value) VALUES (?, ?, ?, ?)',
  deleteRow: 'DELETE FROM log WHERE rev = ?',
  markCompacted: `UPDATE marks SET revision = max(revision, ?) WHERE name = 'compacted'`,
} as const

/** The writing connection: whole transactions, synchronous. Lives in the writer thread, or in the main one for in-process use. */
export class LogFile {
  readonly #db: Database.Database
  readonly #insertRow: Database.Statement
  readonly #deleteRow: Database.Statement
  readonly #markCompacted: Database.Statement
  readonly #appendRows: (batch: RowBatch) => void
  readonly #removeSlice: (slice: Slice) => void

  constructor(path: string) {
    this.#db = new Database(path, { timeout: 5_000 })
    prepareConnection(this.#db)
    migrate(this.#db, path)
    this.#insertRow = this.#db.prepare(SQL.insertRow)
    this.#deleteRow = this.#db.prepare(SQL.deleteRow)
    this.#markCompacted = this.#db.prepare(SQL.markCompacted)
    const appendRows = this.#db.transaction((batch: RowBatch) => this.#insert(batch))
    const removeSlice = this.#db.transaction((slice: Slice) => this.#remove(slice))
    this.#appendRows = (batch) => appendRows.immediate(batch)
    this.#removeSlice = (slice) => removeSlice.immediate(slice)
  }

  /** For an in-memory database, which other connections cannot see. */
  get connection(): Database.Database {
    return this.#db
  }

  /** All rows or none. They are on disk when this returns. */
  append(batch: RowBatch): void {
    this.#appendRows(batch)
  }

  /** Deletes dead revisions and moves the compaction mark, which also keeps revisions from being used again. */
  remove(slice: Slice): void {
    this.#removeSlice(slice)
  }

  /** `truncate` waits for readers and empties the WAL file; otherwise copies what it can without waiting. */
  checkpoint(truncate: boolean): CheckpointResult {
    const rows = this.#db.pragma(`wal_checkpoint(${truncate ? 'TRUNCATE' : 'PASSIVE'})`) as { log: number; checkpointed: number }[]
    const { log = 0, checkpointed = 0 } = rows[0] ?? {}
    return { pendingPages: Math.max(0, log - checkpointed) }
  }

  /** Gives free pages back to the file system when they are more than a quarter of the file. Returns the pages freed. */
  vacuum(maxPages: number): number {
    const free = this.#number('freelist_count')
    if (free < 1024 || free * 4 < this.#number('page_count')) return 0
    const pages = Math.min(maxPages, free)
    this.#db.exec(`PRAGMA incremental_vacuum(${pages})`)
    return pages
  }

  /** Leaves no WAL behind, so that the file alone is a full copy. */
  close(): void {
    this.#db.close()
  }

  #number(pragma: string): number {
    return Number(this.#db.pragma(pragma, { simple: true }))
  }

  #insert({ revisions, keys, created, values }: RowBatch): void {
    for (let i = 0; i < revisions.length; i += 1) this.#insertRow.run(revisions[i], keys[i], created[i], values[i])
  }

  #remove({ revisions, compacted }: Slice): void {
    this.#markCompacted.run(compacted)
    for (const revision of revisions) this.#deleteRow.run(revision)
  }
}
