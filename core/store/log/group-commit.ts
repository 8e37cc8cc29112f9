import { type Commit, StoreError, type Write } from '../store.ts'
import { decide } from './decide.ts'
import type { LogIndex } from './log-index.ts'
import type { LogRow } from './row.ts'

export interface GroupCommitDeps {
  readonly index: LogIndex
  /** Makes the rows durable, all or none. */
  readonly append: (rows: readonly LogRow[]) => Promise<void>
  /** Called once per durable batch, after the index knows it and before the writers do. */
  readonly onCommitted: (rows: readonly LogRow[]) => void
}

interface Job {
  readonly write: Write
  readonly resolve: (commit: Commit) => void
  readonly reject: (err: unknown) => void
}

interface Accepted {
  readonly job: Job
  readonly row: LogRow
}

/** Bounds of one batch; what exceeds them goes with the next one. */
const MAX_BATCH_ROWS = 1024
const MAX_BATCH_BYTES = 16 * 1024 * 1024

/**
 * Orders writes and joins them into transactions: the next batch is what arrived while the last one committed, without any
 * timer. Conflicts are decided in memory, so a batch never aborts because of one write in it. A key has at most one write
 * pending; later ones wait for its outcome, so no answer rests on a batch that may still fail.
 */
export class GroupCommit {
  readonly #deps: GroupCommitDeps
  #accepted: Accepted[] = []
  readonly #waitingByKey = new Map<string, Job[]>()
  readonly #maintenance: (() => Promise<void>)[] = []
  #lastRevision: number
  #running: Promise<void> | undefined
  #failure: Error | undefined

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps
    this.#lastRevision = deps.index.revision
  }

  commit(write: Write): Promise<Commit> {
    return new Promise((resolve, reject) => {
      const job = { write, resolve, reject }
      const waiting = this.#waitingByKey.get(write.key)
      if (waiting === undefined) this.#decide(job)
      else waiting.push(job)
    })
  }

  /** Runs `task` alone, between two batches. */
  between<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#maintenance.push(() => task().then(resolve, reject))
      this.#wake()
    })
  }

  /** Refuses every write from now on, the waiting ones included. */
  fail(err: Error): void {
    this.#failure ??= err
    const jobs = [...this.#accepted.map((accepted) => accepted.job), ...[...this.#waitingByKey.values()].flat()]
    this.#accepted = []
    this.#waitingByKey.clear()
    for (const job of jobs) job.reject(this.#failure)
  }

  /** Refuses new writes and those that wait for a key; what was accepted still goes to disk. */
  refuse(err: Error): void {
    this.#failure ??= err
  }

  /** Resolves when nothing is pending. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** True when the write was accepted and its key is now busy. */
  #decide(job: Job): boolean {
    if (this.#failure !== undefined) {
      job.reject(this.#failure)
      return false
    }
    const outcome = decide(this.#deps.index.get(job.write.key), job.write, this.#lastRevision + 1)
    if (outcome instanceof StoreError) {
      job.reject(outcome)
      return false
    }
    this.#lastRevision = outcome.revision
    this.#waitingByKey.set(job.write.key, [])
    this.#accepted.push({ job, row: outcome })
    this.#wake()
    return true
  }

  #wake(): void {
    if (this.#running !== undefined) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#accepted.length > 0 || this.#maintenance.length > 0) this.#wake()
    })
  }

  async #run(): Promise<void> {
    // NOTE: one turn later, so that writes issued in the same turn share the first batch.
    await Promise.resolve()
    while (this.#accepted.length > 0 || this.#maintenance.length > 0) {
      if (this.#accepted.length > 0) await this.#commitBatch(this.#takeBatch())
      const task = this.#maintenance.shift()
      if (task !== undefined) await task()
    }
  }

  #takeBatch(): Accepted[] {
    let bytes = 0
    let count = 0
    for (const { row } of this.#accepted) {
      bytes += row.value?.length ?? 0
      if (count > 0 && (bytes > MAX_BATCH_BYTES || count >= MAX_BATCH_ROWS)) break
      count += 1
    }
    if (count === this.#accepted.length) {
      const all = this.#accepted
      this.#accepted = []
      return all
    }
    return this.#accepted.splice(0, count)
  }

  async #commitBatch(batch: readonly Accepted[]): Promise<void> {
    const rows = batch.map((accepted) => accepted.row)
    try {
      await this.#deps.append(rows)
    } catch (err) {
      for (const { job } of batch) job.reject(err)
      this.#release(batch)
      return
    }
    for (const row of rows) this.#deps.index.apply(row)
    this.#deps.onCommitted(rows)
    for (const { job, row } of batch) job.resolve({ revision: row.revision, createRevision: row.createRevision })
    this.#release(batch)
  }

  /** Decides the writes that waited for a key of this batch, until one of them makes the key busy again. */
  #release(batch: readonly Accepted[]): void {
    for (const { row } of batch) {
      const waiting = this.#waitingByKey.get(row.key)
      this.#waitingByKey.delete(row.key)
      if (waiting === undefined || waiting.length === 0) continue
      let next = waiting.shift()
      while (next !== undefined && !this.#decide(next)) next = waiting.shift()
      if (waiting.length > 0) this.#waitingByKey.set(row.key, waiting)
    }
  }
}
