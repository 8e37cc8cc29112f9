import type Database from 'better-sqlite3'
import type { LogIndex } from '../log/log-index.ts'
import type { LogRow } from '../log/row.ts'
import type { KeyValue } from '../store.ts'

/** End of the key range of a prefix: every key with the prefix is below it. */
const AFTER_PREFIX = '\u{10FFFF}'

const SQL = {
  compacted: `SELECT revision FROM marks WHERE name = 'compacted'`,
  loadIndex: 'SELECT rev, key, created, CASE WHEN created < 0 THEN value ELSE 0 END FROM log ORDER BY rev',
  scanValues: 'SELECT rev, key, value FROM log WHERE created > 0',
  valueAt: 'SELECT value FROM log WHERE rev = ?',
  history: 'SELECT rev, key, created, value FROM log WHERE rev > ? AND rev <= ? AND key >= ? AND key < ? ORDER BY rev LIMIT ?',
  listAt: `SELECT key, max(rev), created, value FROM log WHERE rev <= ? AND key > ? AND key >= ? AND key < ?
           GROUP BY key HAVING created > 0 ORDER BY key LIMIT ?`,
} as const

const MAPPED_BYTES = 1024 * 1024 * 1024

type HistoryRow = [rev: number, key: string, created: number, value: Uint8Array | number]

/** Reads of the log. Every read is one short statement, so that checkpoints never wait for a reader. */
export class LogReader {
  readonly #db: Database.Database
  readonly #statements = new Map<string, Database.Statement>()

  constructor(db: Database.Database) {
    this.#db = db
  }

  /** Fills an empty index from the whole log, values left aside. */
  loadIndex(index: LogIndex): void {
    this.#mapped(() => this.#loadIndex(index))
  }

  scanAll(visit: (revision: number, key: string, value: Uint8Array) => void): void {
    this.#mapped(() => {
      for (const [revision, key, value] of this.#statement('scanValues').iterate() as Iterable<[number, string, Uint8Array]>) {
        visit(revision, key, value)
      }
    })
  }

  valueAt(revision: number): Uint8Array | undefined {
    const value = (this.#statement('valueAt').get(revision) as [Uint8Array | number] | undefined)?.[0]
    return typeof value === 'number' ? undefined : value
  }

  /** The records that were live at `revision`, in byte order of their keys. */
  listAt(revision: number, prefix: string, startAfter: string, limit: number): KeyValue[] {
    const rows = this.#statement('listAt').all(revision, startAfter, prefix, prefix + AFTER_PREFIX, limit) as [
      string,
      number,
      number,
      Uint8Array,
    ][]
    return rows.map(([key, modRevision, createRevision, value]) => ({ key, value, createRevision, modRevision }))
  }

  /** Rows of a range in revision order. Updates come without `previousRevision`, which no reader of history needs. */
  rows(range: { readonly prefix: string; readonly after: number; readonly upTo: number; readonly limit: number }): LogRow[] {
    const { prefix, after, upTo, limit } = range
    const found = this.#statement('history').all(after, upTo, prefix, prefix + AFTER_PREFIX, limit) as HistoryRow[]
    return found.map(([revision, key, created, value]) => {
      const op = created < 0 ? 'delete' : created === revision ? 'create' : 'update'
      const removed = typeof value === 'number' ? value : 0
      return {
        op,
        revision,
        key,
        createRevision: Math.abs(created),
        value: typeof value === 'number' ? undefined : value,
        previousRevision: removed,
      }
    })
  }

  close(): void {
    this.#db.close()
  }

  /** NOTE: halves the time of a pass over the whole file; not for good, since a failing disk then ends the process. */
  #mapped(read: () => void): void {
    this.#db.pragma(`mmap_size = ${MAPPED_BYTES}`)
    try {
      read()
    } finally {
      this.#db.pragma('mmap_size = 0')
    }
  }

  #loadIndex(index: LogIndex): void {
    for (const [revision, key, created, removed] of this.#statement('loadIndex').iterate() as Iterable<HistoryRow>) {
      const op = created < 0 ? 'delete' : created === revision ? 'create' : 'update'
      const previousRevision = op === 'delete' ? Number(removed) : (index.get(key)?.revision ?? 0)
      index.apply({ op, revision, key, createRevision: Math.abs(created), previousRevision })
    }
    index.markCompacted(Number(this.#statement('compacted').pluck().get()))
  }

  #statement(name: keyof typeof SQL): Database.Statement {
    let statement = this.#statements.get(name)
    if (statement === undefined) {
      statement = this.#db.prepare(SQL[name]).raw()
      this.#statements.set(name, statement)
    }
    return statement
  }
}
