import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { LogIndex } from '../log/log-index.ts'
import { StoreError } from '../store.ts'
import { toDriverFailure, toStoreError } from './errors.ts'
import { lockFile } from './lock.ts'
import { LogFile } from './log-file.ts'
import { InProcessWriter, type LogWriter } from './log-writer.ts'
import { LogReader } from './reader.ts'
import { migrate, prepareConnection } from './schema.ts'
import { SqliteStore } from './sqlite-store.ts'
import { ThreadWriter } from './thread-writer.ts'

export interface SqliteOptions {
  /** File of the database, created with mode 0600, or `:memory:`. Its folder is created as well. */
  readonly path: string
  /** `thread` (default) commits in a thread of its own; `in-process` for tests and machines with one core. */
  readonly writer?: 'thread' | 'in-process'
  /** Entry point of the writer thread in a bundle; the source file otherwise. */
  readonly threadUrl?: URL
}

const IN_MEMORY = ':memory:'

/**
 * Opens or creates the store. Throws StoreError `Unavailable` with one clear sentence when another server has the file, when it
 * was made by a newer k3ts, when it is damaged or no database, and when the disk refuses.
 */
export async function openSqlite(options: SqliteOptions): Promise<SqliteStore> {
  const { path } = options
  if (path === IN_MEMORY) return openInProcess(path, () => undefined)
  let lock: Disposable | undefined
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    createPrivate(`${path}.lock`)
    const held = lockFile(path)
    lock = held
    createPrivate(path)
    chmodSync(path, 0o600)
    const release = (): void => held[Symbol.dispose]()
    return options.writer === 'in-process' ? openInProcess(path, release) : await openWithThread(options, release)
  } catch (err) {
    lock?.[Symbol.dispose]()
    throw err instanceof StoreError ? err : toStoreError(toDriverFailure(err), path)
  }
}

function openInProcess(path: string, release: () => void): SqliteStore {
  const file = new LogFile(path)
  const reader = new LogReader(file.connection)
  const index = new LogIndex()
  reader.loadIndex(index)
  return new SqliteStore({ path, index, reader, writer: new InProcessWriter(file), release })
}

async function openWithThread(options: SqliteOptions, release: () => void): Promise<SqliteStore> {
  const { path, threadUrl } = options
  const db = new Database(path, { timeout: 5_000 })
  let starting: Promise<LogWriter> | undefined
  try {
    prepareConnection(db)
    migrate(db, path)
    db.pragma('query_only = ON')
    const opened: { store?: SqliteStore } = {}
    starting = ThreadWriter.open({ path, onDeath: (err) => opened.store?.fail(err), ...(threadUrl !== undefined && { threadUrl }) })
    // NOTE: the thread starts while this one reads; both take about 25 ms.
    starting.catch(() => undefined)
    const reader = new LogReader(db)
    const index = new LogIndex()
    reader.loadIndex(index)
    opened.store = new SqliteStore({ path, index, reader, writer: await starting, release })
    return opened.store
  } catch (err) {
    const writer = await starting?.catch(() => undefined)
    await writer?.close()
    db.close()
    throw err
  }
}

/** NOTE: an existing file is not opened: closing it again would drop every lock this process holds on it. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err
  }
}
