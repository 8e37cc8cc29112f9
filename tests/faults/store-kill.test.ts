import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { openSqlite } from '../../core/store/sqlite/open.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const PROGRAM = new URL('./programs/store-writer.ts', import.meta.url).pathname
const ROUNDS = 12

interface Acknowledged {
  readonly counter: number
  readonly revision: number
}

/** Runs the program for a while, kills it without warning, and returns what it had acknowledged last for each key. */
async function runAndKill(
  args: readonly string[],
  lifeMs: number,
): Promise<{ readonly last: Map<string, Acknowledged>; readonly opened: number; readonly writes: number }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const last = new Map<string, Acknowledged>()
  let opened = -1
  let writes = 0
  let killer: NodeJS.Timeout | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    const [key = '', counter, revision] = line.split(' ')
    if (key === 'open') {
      opened = Number(counter)
      killer = setTimeout(() => child.kill('SIGKILL'), lifeMs)
      continue
    }
    writes += 1
    const before = last.get(key)
    const at = Number(revision)
    assert.ok(at > (before?.revision ?? opened), `revision of ${key} grows: ${before?.revision} then ${at}`)
    if (counter !== 'deleted') last.set(key, { counter: Number(counter), revision: at })
  }
  clearTimeout(killer)
  return { last, opened, writes }
}

describe('a store whose process is killed', () => {
  for (const mode of ['thread', 'in-process'] as const) {
    it(`keeps every acknowledged write and never goes back (${mode})`, { timeout: 120_000 }, async () => {
      await using folder = await temporaryFolder('store-kill')
      const path = join(folder.path, 'state.db')
      let newest = 0
      let total = 0
      for (let round = 0; round < ROUNDS; round += 1) {
        const { last, opened, writes } = await runAndKill([path, '6', mode], 5 + ((round * 37) % 120))
        total += writes
        assert.ok(opened >= newest, `opened at revision ${opened}, but ${newest} was acknowledged`)
        for (const { revision } of last.values()) newest = Math.max(newest, revision)

        await using store = await openSqlite({ path, writer: 'in-process' })
        assert.ok(store.revision >= newest)
        for (const [key, acknowledged] of last) {
          const record = await store.get(key)
          // The write after the last acknowledged one may be on disk as well; a deletion may be it.
          if (record === undefined) {
            assert.equal(acknowledged.counter % 50, 0, `${key} is gone`)
            continue
          }
          const counter = Number(Buffer.from(record.value).toString().split(' ')[0])
          assert.ok(
            counter === acknowledged.counter || counter === acknowledged.counter + 1,
            `${key}: acknowledged ${acknowledged.counter}, found ${counter}`,
          )
          assert.ok(record.modRevision >= acknowledged.revision)
        }
        const { items } = await store.list({ prefix: '' })
        assert.equal(new Set(items.map((item) => item.modRevision)).size, items.length)
        newest = Math.max(newest, store.revision)
      }
      assert.ok(total > ROUNDS, `the program wrote ${total} times before it was killed`)
    })
  }
})
