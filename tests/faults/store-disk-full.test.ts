import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openSqlite } from '../../core/store/sqlite/open.ts'
import { type Store, StoreError } from '../../core/store/store.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const isRoot = process.getuid?.() === 0

function smallDisk(parent: string, megabytes: number): { readonly path: string } & Disposable {
  const path = join(parent, 'disk')
  mkdirSync(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'k3ts-test', path])
  return { path, [Symbol.dispose]: () => void execFileSync('umount', ['-l', path]) }
}

/** Writes new keys until the store refuses; the keys that were acknowledged. */
async function fill(store: Store, prefix: string): Promise<{ readonly written: string[]; readonly error: unknown }> {
  const written: string[] = []
  for (let round = 0; round < 10_000; round += 1) {
    const keys = Array.from({ length: 16 }, (_, i) => `${prefix}/${round}/${i}`)
    const results = await Promise.allSettled(keys.map((key) => store.commit({ op: 'create', key, value: Buffer.alloc(4000, 'x') })))
    for (const [i, result] of results.entries()) if (result.status === 'fulfilled') written.push(keys[i] ?? '')
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) return { written, error: failed.reason }
  }
  throw new Error('the disk never filled up')
}

describe('a store on a full disk', { skip: !isRoot && 'needs root to mount a small disk' }, () => {
  for (const writer of ['thread', 'in-process'] as const) {
    it(`refuses exactly what it could not keep and goes on when there is space (${writer})`, { timeout: 60_000 }, async () => {
      await using folder = await temporaryFolder('store-full')
      using disk = smallDisk(folder.path, 16)
      const ballast = join(disk.path, 'ballast')
      writeFileSync(ballast, Buffer.alloc(9 * 1024 * 1024))
      const reserve = join(disk.path, 'reserve')
      writeFileSync(reserve, Buffer.alloc(256 * 1024))
      const path = join(disk.path, 'state.db')
      const kept: string[] = []
      {
        await using store = await openSqlite({ path, writer })
        const events: string[] = []
        const stop = new AbortController()
        const watching = (async () => {
          for await (const batch of store.watch({ prefix: '', afterRevision: 0, maxPending: 100_000, signal: stop.signal })) {
            events.push(...batch.events.map((event) => event.key))
          }
        })()

        const { written, error } = await fill(store, '/first')
        kept.push(...written)
        assert.ok(error instanceof StoreError)
        assert.equal(error.code, 'Unavailable')
        assert.match(error.message, /disk of the datastore .* is full/)
        assert.ok(written.length > 100, `${written.length} writes fitted`)
        assert.deepEqual((await store.list({ prefix: '' })).items.map((item) => item.key).sort(), kept.toSorted())
        assert.deepEqual(events.toSorted(), kept.toSorted(), 'nothing of a refused write is visible')

        rmSync(ballast)
        const again = await store.commit({ op: 'create', key: '/again', value: Buffer.from('fits') })
        assert.equal(again.revision, store.revision)
        kept.push('/again')
        const more = await fill(store, '/second')
        kept.push(...more.written)
        assert.ok(more.written.length > 100, `${more.written.length} more writes fitted`)
        stop.abort()
        await watching
        assert.deepEqual(events.toSorted(), kept.toSorted())
      }
      // NOTE: a start needs a little space for the index of the WAL.
      rmSync(reserve)
      await using store = await openSqlite({ path, writer })
      assert.deepEqual((await store.list({ prefix: '' })).items.map((item) => item.key).sort(), kept.toSorted())
    })
  }
})
