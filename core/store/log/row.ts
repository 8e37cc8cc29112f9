/** One committed change as the log keeps it. */
export interface LogRow {
  readonly op: 'create' | 'update' | 'delete'
  readonly revision: number
  readonly key: string
  /** Revision at which the key was created; its own for a create. */
  readonly createRevision: number
  /** Absent in a deletion. */
  readonly value: Uint8Array | undefined
  /** Revision of the record this one replaces or removes; 0 for a create. */
  readonly previousRevision: number
}
