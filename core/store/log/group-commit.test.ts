import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError, type Write } from '../store.ts'
import { GroupCommit } from './group-commit.ts'
import { LogIndex } from './log-index.ts'
import type { LogRow } from './row.ts'

interface Batch {
  readonly keys: readonly string[]
  readonly succeed: () => void
  readonly fail: (err: Error) => void
}

/** A group commit whose batches the test ends by hand. */
function harness(): { readonly commits: GroupCommit; readonly batches: Batch[]; readonly committed: LogRow[] } {
  const index = new LogIndex()
  const batches: Batch[] = []
  const committed: LogRow[] = []
  const append = (rows: readonly LogRow[]): Promise<void> =>
    new Promise((resolve, reject) => {
      batches.push({ keys: rows.map((row) => row.key), succeed: resolve, fail: reject })
    })
  return { commits: new GroupCommit({ index, append, onCommitted: (rows) => committed.push(...rows) }), batches, committed }
}

const create = (key: string): Write => ({ op: 'create', key, value: new Uint8Array(1) })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('group commit', () => {
  it('makes one batch of what is issued in one turn, and the next of what arrives while it commits', async () => {
    const { commits, batches } = harness()
    const first = [commits.commit(create('/a')), commits.commit(create('/b'))]
    await turn()
    const second = [commits.commit(create('/c')), commits.commit(create('/d'))]
    await turn()
    assert.deepEqual(
      batches.map((batch) => batch.keys),
      [['/a', '/b']],
    )
    batches[0]?.succeed()
    assert.deepEqual(
      (await Promise.all(first)).map((commit) => commit.revision),
      [2, 3],
    )
    await turn()
    assert.deepEqual(batches[1]?.keys, ['/c', '/d'])
    batches[1].succeed()
    assert.deepEqual(
      (await Promise.all(second)).map((commit) => commit.revision),
      [4, 5],
    )
  })

  it('publishes before it answers', async () => {
    const { commits, batches, committed } = harness()
    const answer = commits.commit(create('/a')).then(() => committed.length)
    await turn()
    assert.equal(committed.length, 0)
    batches[0]?.succeed()
    assert.equal(await answer, 1)
  })

  it('refuses exactly the writes of a failed batch and goes on with higher revisions', async () => {
    const { commits, batches, committed } = harness()
    const lost = commits.commit(create('/a'))
    await turn()
    const kept = commits.commit(create('/b'))
    batches[0]?.fail(new StoreError('Unavailable', 'full'))
    await assert.rejects(lost, /full/)
    await turn()
    batches[1]?.succeed()
    const { revision } = await kept
    assert.ok(revision > 1)
    assert.deepEqual(
      committed.map((row) => row.key),
      ['/b'],
    )
  })

  it('decides a conflict with a pending write only when that write has its outcome', async () => {
    const { commits, batches } = harness()
    const lost = commits.commit(create('/a'))
    const winner = commits.commit(create('/a'))
    const loser = commits.commit(create('/a'))
    await turn()
    assert.deepEqual(batches[0]?.keys, ['/a'])
    batches[0].fail(new Error('full'))
    await assert.rejects(lost, /full/)
    await turn()
    batches[1]?.succeed()
    assert.equal((await winner).createRevision, (await winner).revision)
    await assert.rejects(loser, (err) => err instanceof StoreError && err.code === 'KeyExists')
  })

  it('runs maintenance between two batches', async () => {
    const { commits, batches } = harness()
    const order: string[] = []
    const first = commits.commit(create('/a')).then(() => order.push('first'))
    await turn()
    const task = commits.between(async () => Promise.resolve(order.push('task')))
    const second = commits.commit(create('/b')).then(() => order.push('second'))
    batches[0]?.succeed()
    await first
    await turn()
    batches[1]?.succeed()
    await Promise.all([task, second])
    assert.deepEqual(order, ['first', 'task', 'second'])
  })

  it('refuses everything, what waits included, once it failed', async () => {
    const { commits, batches } = harness()
    const pending = commits.commit(create('/a'))
    await turn()
    const queued = commits.commit(create('/b'))
    const waiting = commits.commit(create('/a'))
    commits.fail(new StoreError('Unavailable', 'dead'))
    batches[0]?.fail(new StoreError('Unavailable', 'dead'))
    for (const result of [pending, queued, waiting, commits.commit(create('/c'))]) await assert.rejects(result, /dead/)
    await commits.idle()
  })

  it('bounds a batch', async () => {
    const { commits, batches } = harness()
    const all = Array.from({ length: 1500 }, (_, i) => commits.commit(create(`/${i}`)))
    await turn()
    assert.equal(batches[0]?.keys.length, 1024)
    batches[0].succeed()
    await turn()
    assert.equal(batches[1]?.keys.length, 476)
    batches[1].succeed()
    assert.equal((await Promise.all(all)).length, 1500)
  })
})
