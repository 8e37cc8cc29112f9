import type Database from 'better-sqlite3'
import { StoreError } from '../store.ts'

/** Stored in `user_version`; the migrations below lead from one to the next. */
export const SCHEMA_VERSION = 1

/**
 * The log. `created` is the revision at which the key was created, negative in the record of a deletion. `value` is the value,
 * or in the record of a deletion the revision of the record it removed. No secondary index: the index is in memory.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE log (rev INTEGER PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL, value ANY) STRICT;
   CREATE TABLE marks (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO marks (name, revision) VALUES ('compacted', 0);`,
]

/**
 * Settings of a connection that writes. FULL has to be set: with WAL the library's own default is NORMAL, although the pragma
 * reads back FULL, and NORMAL loses acknowledged writes with the power.
 */
export function prepareConnection(db: Database.Database): void {
  // NOTE: only for a new file; on an existing one even an unchanged setting is a write, which a full disk refuses.
  if (db.pragma('page_count', { simple: true }) === 0) {
    db.pragma('page_size = 8192')
    db.pragma('auto_vacuum = INCREMENTAL')
  }
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma('wal_autocheckpoint = 0')
  db.pragma(`journal_size_limit = ${64 * 1024 * 1024}`)
  db.pragma('temp_store = MEMORY')
  db.pragma('cache_size = -4096')
}

/** Creates or migrates the tables. Throws StoreError for a file of a newer k3ts or of another program. */
export function migrate(db: Database.Database, path: string): void {
  const version = Number(db.pragma('user_version', { simple: true }))
  if (version > SCHEMA_VERSION) {
    const text = `the datastore ${path} has format ${version}, made by a newer k3ts; this one knows formats up to ${SCHEMA_VERSION}`
    throw new StoreError('Unavailable', text)
  }
  if (version === 0 && db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() !== 0) {
    throw new StoreError('Unavailable', `the datastore ${path} is an SQLite database of another program`)
  }
  for (let next = version; next < SCHEMA_VERSION; next += 1) {
    db.transaction(() => {
      db.exec(MIGRATIONS[next] ?? '')
      db.pragma(`user_version = ${next + 1}`)
    }).immediate()
  }
}
