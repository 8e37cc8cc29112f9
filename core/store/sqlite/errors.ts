import { StoreError } from '../store.ts'

/** What a driver error says, in a form that crosses threads. */
export interface DriverFailure {
  readonly code: string
  readonly message: string
}

/** A failure that crossed threads is a plain record already. */
export function toDriverFailure(err: unknown): DriverFailure {
  const { code, message } = err as { readonly code?: unknown; readonly message?: unknown }
  return { code: typeof code === 'string' ? code : 'UNKNOWN', message: typeof message === 'string' ? message : String(err) }
}

export function isDriverError(err: unknown): boolean {
  return err instanceof Error && err.name === 'SqliteError'
}

/** Driver error → StoreError. Every one means that nothing was written. */
export function toStoreError(failure: DriverFailure, path: string): StoreError {
  return new StoreError('Unavailable', explain(failure, path), { cause: failure })
}

const DAMAGED = ['SQLITE_NOTADB', 'SQLITE_CORRUPT', 'SQLITE_CORRUPT_VTAB', 'SQLITE_CORRUPT_INDEX']
const IN_USE = ['SQLITE_BUSY', 'SQLITE_LOCKED']
const REFUSED = [
  'SQLITE_READONLY',
  'SQLITE_READONLY_DBMOVED',
  'SQLITE_CANTOPEN',
  'SQLITE_PERM',
  'EACCES',
  'EPERM',
  'EROFS',
  'EISDIR',
  'ENOTDIR',
]

function explain({ code, message }: DriverFailure, path: string): string {
  if (code === 'SQLITE_FULL' || code === 'ENOSPC') return `the disk of the datastore ${path} is full`
  if (DAMAGED.includes(code)) return `the datastore ${path} is damaged (${message}); put an older copy of it in its place`
  if (IN_USE.includes(code)) return `the datastore ${path} is in use by another process`
  if (REFUSED.includes(code)) return `the datastore ${path} cannot be opened for writing: ${message}`
  return `the datastore ${path} failed: ${message}`
}
