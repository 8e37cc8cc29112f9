import { writeSync } from 'node:fs'
import { openSqlite } from '../../../core/store/sqlite/open.ts'
import { StoreError } from '../../../core/store/store.ts'

/**
 * Writes to a store until it is killed. One line on standard output for each acknowledged write: `key counter revision`.
 * Arguments: file, writers, writer mode, and optionally the number of writes of each writer before it ends by itself.
 */
const [path = '', writers = '1', mode = 'thread', limit = 'Infinity'] = process.argv.slice(2)
const store = await openSqlite({ path, writer: mode === 'thread' ? 'thread' : 'in-process' })
writeSync(1, `open ${store.revision}\n`)

async function write(writer: number): Promise<void> {
  const key = `/acked/${writer}`
  const existing = await store.get(key)
  let counter = existing === undefined ? 0 : Number(Buffer.from(existing.value).toString().split(' ')[0])
  let revision = existing?.modRevision
  const padding = 'x'.repeat(200 + writer * 300)
  for (let done = 0; done < Number(limit); done += 1) {
    counter += 1
    const value = Buffer.from(`${counter} ${padding}`)
    const commit =
      revision === undefined
        ? await store.commit({ op: 'create', key, value })
        : await store.commit({ op: 'update', key, value, ifRevision: revision })
    revision = commit.revision
    writeSync(1, `${key} ${counter} ${revision}\n`)
    if (counter % 50 === 0) {
      await store.commit({ op: 'delete', key, ifRevision: revision })
      revision = undefined
      writeSync(1, `${key} deleted ${store.revision}\n`)
      counter += 1
      ;({ revision } = await store.commit({ op: 'create', key, value: Buffer.from(`${counter} ${padding}`) }))
      writeSync(1, `${key} ${counter} ${revision}\n`)
    }
  }
}

async function compact(): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 7))
    try {
      await store.compact(Math.max(0, store.revision - 20))
    } catch (err) {
      if (!(err instanceof StoreError)) throw err
    }
  }
}

if (limit === 'Infinity') void compact()
await Promise.all(Array.from({ length: Number(writers) }, (_, writer) => write(writer)))
await store[Symbol.asyncDispose]()
