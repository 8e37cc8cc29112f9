import assert from 'node:assert/strict'
import { it } from 'node:test'
import { FakeClock, settle } from '../../tests/helpers/fake-clock.ts'
import type { Client } from '../client/client.ts'
import { silentLogger } from '../observability/log.ts'
import { afterAccess } from './access.ts'

it('begins when its client has the right, and not before', async () => {
  const clock = new FakeClock()
  const asked: unknown[] = []
  let allowed = false
  let started = 0
  const client = {
    create: (_type: unknown, { spec }: { readonly spec: unknown }) => {
      asked.push(spec)
      return Promise.resolve({ status: { allowed } })
    },
  } as unknown as Client
  const component = { name: 'late', start: () => Promise.resolve({ done: Promise.resolve(void (started += 1)) }) }
  const right = { group: '', resource: 'nodes', verb: 'patch' }
  const { done } = await afterAccess(component, [right], { client, clock, log: silentLogger }).start(new AbortController().signal)
  for (let i = 0; i < 5; i++) {
    await settle()
    await clock.advance(100)
  }
  assert.equal(started, 0)
  assert.deepEqual(asked[0], { resourceAttributes: right })
  allowed = true
  await clock.advance(100)
  await done
  assert.equal(started, 1)
})

it('ends with its signal while it waits', async () => {
  const client = { create: () => Promise.resolve({ status: { allowed: false } }) } as unknown as Client
  const stop = new AbortController()
  const component = { name: 'never', start: () => Promise.reject(new Error('started')) }
  const { done } = await afterAccess(component, [{ group: '', resource: 'nodes', verb: 'patch' }], {
    client,
    clock: new FakeClock(),
    log: silentLogger,
  }).start(stop.signal)
  await settle()
  stop.abort(new Error('the end'))
  await done
})
