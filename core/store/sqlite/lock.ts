import Database from 'better-sqlite3'
import { StoreError } from '../store.ts'

/**
 * Takes the exclusive right to `path` for the life of this process: a lock on `<path>.lock` that the kernel drops with the
 * process, however it ends. The database itself stays readable by others. Throws StoreError `Unavailable` when it is taken.
 */
export function lockFile(path: string): Disposable {
  const db = new Database(`${path}.lock`, { timeout: 0 })
  try {
    // NOTE: no journal beside the lock; nothing is ever written.
    db.pragma('journal_mode = MEMORY')
    db.exec('BEGIN EXCLUSIVE')
  } catch (err) {
    db.close()
    throw new StoreError('Unavailable', `the datastore ${path} is in use by another server; stop that one first`, { cause: err })
  }
  return { [Symbol.dispose]: () => void db.close() }
}
