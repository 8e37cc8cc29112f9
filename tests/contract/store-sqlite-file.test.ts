import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { openSqlite } from '../../core/store/sqlite/open.ts'
import { StoreError } from '../../core/store/store.ts'
import { eventually } from '../helpers/eventually.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const WRITER_PROGRAM = new URL('../faults/programs/store-writer.ts', import.meta.url).pathname
const DYING_THREAD = new URL('../faults/programs/dying-store-thread.ts', import.meta.url)

async function unavailable(result: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(result, (err) => err instanceof StoreError && err.code === 'Unavailable' && message.test(err.message))
}

const value = Buffer.alloc(1000, 'v')

function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-f', '-c', '-o', '/dev/null', 'true'])
    return true
  } catch {
    return false
  }
}

describe('the file of the SQLite store', () => {
  for (const mode of ['thread', 'in-process']) {
    it(`is synced once a commit: a 2xx is durable (${mode})`, { skip: !hasStrace() && 'needs strace' }, async () => {
      await using folder = await temporaryFolder('store-sync')
      const report = join(folder.path, 'calls')
      const trace = ['-f', '-c', '-o', report, '-e', 'trace=fsync,fdatasync']
      await promisify(execFile)('strace', [...trace, process.execPath, WRITER_PROGRAM, join(folder.path, 'state.db'), '1', mode, '40'])
      const calls = readFileSync(report, 'utf8')
      const counted = [...calls.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*\b(?:fsync|fdatasync)$/gm)].reduce(
        (sum, row) => sum + Number(row[1]),
        0,
      )
      assert.ok(counted >= 40, `40 commits, one after the other, made ${counted} syncs:\n${calls}`)
    })
  }

  it('and its companions are for the owner only', async () => {
    await using folder = await temporaryFolder('store-mode')
    const path = join(folder.path, 'db', 'state.db')
    await using store = await openSqlite({ path })
    await store.commit({ op: 'create', key: '/a', value })
    for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}.lock`]) assert.equal(statSync(file).mode & 0o777, 0o600, file)
    assert.equal(statSync(join(folder.path, 'db')).mode & 0o777, 0o700)
  })

  it('belongs to one server, in this process or another, until that one ends', async () => {
    await using folder = await temporaryFolder('store-lock')
    const path = join(folder.path, 'state.db')
    {
      await using store = await openSqlite({ path })
      await unavailable(openSqlite({ path }), /in use by another server; stop that one first$/)
      const other = promisify(execFile)(process.execPath, [WRITER_PROGRAM, path, '1', 'thread', '1'])
      await assert.rejects(other, (err: { stderr?: string }) => /in use by another server/.test(err.stderr ?? ''))
      await store.commit({ op: 'create', key: '/still/works', value })
    }
    await using store = await openSqlite({ path })
    assert.equal(store.revision, 2)
  })

  it('is refused in one sentence when it is newer, foreign, damaged or no file', async () => {
    await using folder = await temporaryFolder('store-refuse')
    const path = join(folder.path, 'state.db')
    const fresh = new Database(path)
    fresh.pragma('user_version = 99')
    fresh.close()
    await unavailable(openSqlite({ path }), /has format 99, made by a newer k3ts; this one knows formats up to 1$/)

    const foreign = join(folder.path, 'foreign.db')
    new Database(foreign).exec('CREATE TABLE mine (x)').close()
    await unavailable(openSqlite({ path: foreign }), /is an SQLite database of another program$/)

    const text = join(folder.path, 'text.db')
    writeFileSync(text, 'this is no database, and long enough to be seen as none. '.repeat(200))
    await unavailable(openSqlite({ path: text }), /is damaged \(file is not a database\)/)

    const directory = join(folder.path, 'directory.db')
    mkdirSync(directory)
    await unavailable(openSqlite({ path: directory }), /cannot be opened/)
  })

  it('is reported as damaged when pages in the middle are', async () => {
    await using folder = await temporaryFolder('store-damage')
    const path = join(folder.path, 'state.db')
    {
      await using store = await openSqlite({ path, writer: 'in-process' })
      await Promise.all(Array.from({ length: 500 }, (_, i) => store.commit({ op: 'create', key: `/k/${i}`, value })))
    }
    const file = openSync(path, 'r+')
    for (let page = 4; page < 12; page += 1) writeSync(file, Buffer.alloc(8192, 0xaa), 0, 8192, page * 8192)
    await unavailable(
      (async () => {
        await using store = await openSqlite({ path })
        await store.scan('', () => undefined)
      })(),
      /is damaged/,
    )
  })

  it('keeps its WAL small under load and leaves none behind', async () => {
    await using folder = await temporaryFolder('store-wal')
    const path = join(folder.path, 'state.db')
    {
      await using store = await openSqlite({ path })
      let largest = 0
      for (let round = 0; round < 40; round += 1) {
        await Promise.all(
          Array.from({ length: 200 }, (_, i) => store.commit({ op: 'create', key: `/k/${round}/${i}`, value: Buffer.alloc(4000, 'x') })),
        )
        largest = Math.max(largest, store.stats().walBytes)
      }
      assert.ok(largest > 0 && largest < 64 * 1024 * 1024, `the WAL grew to ${largest} bytes`)
      assert.equal(store.stats().liveKeys, 8000)
    }
    assert.equal(existsSync(`${path}-wal`), false)
    const copy = join(folder.path, 'copy.db')
    copyFileSync(path, copy)
    await using store = await openSqlite({ path: copy })
    assert.equal((await store.list({ prefix: '' })).items.length, 8000)
  })

  it('loses dead revisions in a compaction, and its size', async () => {
    await using folder = await temporaryFolder('store-compact')
    const path = join(folder.path, 'state.db')
    await using store = await openSqlite({ path })
    let { revision } = await store.commit({ op: 'create', key: '/a', value: Buffer.alloc(20_000, 'x') })
    for (let i = 0; i < 1500; i += 1)
      ({ revision } = await store.commit({ op: 'update', key: '/a', value: Buffer.alloc(20_000, 'x'), ifRevision: revision }))
    await eventually(() => assert.ok(store.stats().fileBytes > 20_000_000))
    await store.compact(store.revision)
    const reader = new Database(path, { readonly: true })
    assert.equal(reader.prepare('SELECT count(*) FROM log').pluck().get(), 1)
    reader.close()
    await store.commit({ op: 'update', key: '/a', value: Buffer.alloc(2_000_000, 'y'), ifRevision: revision })
    await store[Symbol.asyncDispose]()
    assert.ok(statSync(path).size < 12_000_000, `${statSync(path).size} bytes are left`)
  })

  it('is given up when its writer thread dies: every write is refused and the supervisor hears of it', async () => {
    await using folder = await temporaryFolder('store-death')
    const path = join(folder.path, 'state.db')
    {
      await using store = await openSqlite({ path, threadUrl: DYING_THREAD })
      const watch = store
        .watch({ prefix: '', afterRevision: 0, maxPending: 10, signal: new AbortController().signal })
        [Symbol.asyncIterator]()
      await store.commit({ op: 'create', key: '/1', value })
      await store.commit({ op: 'create', key: '/2', value })
      await unavailable(store.commit({ op: 'create', key: '/3', value }), /writer/)
      await unavailable(store.commit({ op: 'create', key: '/4', value }), /writer of the datastore has died/)
      await unavailable(store.done, /writer of the datastore has died/)
      await unavailable(
        (async () => {
          for (let next = await watch.next(); next.done !== true; next = await watch.next());
        })(),
        /died/,
      )
    }
    await using store = await openSqlite({ path })
    assert.deepEqual((await store.list({ prefix: '' })).items.map((item) => item.key).slice(0, 2), ['/1', '/2'])
  })
})
