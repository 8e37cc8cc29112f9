import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../meta/object.ts'
import { silentLogger } from '../observability/log.ts'
import { FakeClock, settle } from '../../tests/helpers/fake-clock.ts'
import type { CacheEvents, Entry, ResourceCache } from './cache/cache.ts'
import { expireEvents } from './event-expiry.ts'

const MINUTE = 60_000

/** The part of a cache that the expiry uses: entries that come, change and go. */
class FakeEvents {
  readonly entries = new Map<string, Entry>()
  revision = 10
  #pending: CacheEvents['events'][number][] = []
  #wake: (() => void) | undefined

  put(name: string, writtenMs: number): void {
    this.revision += 1
    const entry = {
      namespace: 'default',
      name,
      modRevision: this.revision,
      object: () => ({ metadata: { name, creationTimestamp: new Date(writtenMs).toISOString() } }) as unknown as KubeObject,
    } as Entry
    this.entries.set(name, entry)
    this.#pending.push({ type: 'MODIFIED', entry, frame: new Uint8Array() })
    this.#wake?.()
  }

  asCache(): ResourceCache {
    const pull = async (signal: AbortSignal): Promise<CacheEvents | undefined> => {
      while (this.#pending.length === 0) {
        await new Promise<void>((resolve, reject) => {
          this.#wake = resolve
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
        })
      }
      const events = this.#pending
      this.#pending = []
      return { revision: this.revision, events }
    }
    return {
      revision: this.revision,
      list: () => ({ revision: this.revision, entries: [...this.entries.values()], remaining: 0 }),
      get: (_namespace: string, name: string) => this.entries.get(name),
      delete: (entry: Entry) => Promise.resolve(this.entries.delete(entry.name)),
      watch: () => {
        this.#pending = []
        return { pull, close: () => undefined }
      },
    } as unknown as ResourceCache
  }
}

describe('events', () => {
  it('go an hour after they were last written', async () => {
    const clock = new FakeClock()
    const events = new FakeEvents()
    events.put('old', clock.now() - 50 * MINUTE)
    events.put('new', clock.now())
    const life = new AbortController()
    const done = expireEvents({ events: events.asCache(), clock, log: silentLogger }, life.signal)
    const names = async (minutes: number): Promise<string[]> => {
      await clock.advance(minutes * MINUTE)
      return [...events.entries.keys()]
    }
    assert.deepEqual(await names(9), ['old', 'new'])
    assert.deepEqual(await names(2), ['new'])
    events.put('new', clock.now())
    await settle()
    assert.deepEqual(await names(50), ['new'])
    assert.deepEqual(await names(11), [])
    life.abort(new Error('the test is over'))
    await done
  })
})
