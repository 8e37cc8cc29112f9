import { StoreError, type Write } from '../store.ts'
import type { LiveKey } from './log-index.ts'
import type { LogRow } from './row.ts'

/** The row that `write` becomes at `revision`, or the StoreError that refuses it. Pure. */
export function decide(current: LiveKey | undefined, write: Write, revision: number): LogRow | StoreError {
  const { key } = write
  if (write.op === 'create') {
    if (current !== undefined) {
      return new StoreError('KeyExists', `key ${key} exists at revision ${current.revision}`, { currentRevision: current.revision })
    }
    return { op: 'create', revision, key, createRevision: revision, value: write.value, previousRevision: 0 }
  }
  if (current === undefined) return new StoreError('NotFound', `key ${key} does not exist`)
  if (current.revision !== write.ifRevision) {
    return new StoreError('RevisionMismatch', `key ${key} is at revision ${current.revision}, not ${write.ifRevision}`, {
      currentRevision: current.revision,
    })
  }
  const value = write.op === 'update' ? write.value : undefined
  return { op: write.op, revision, key, createRevision: current.createRevision, value, previousRevision: current.revision }
}
