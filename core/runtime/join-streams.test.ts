import assert from 'node:assert/strict'
import { type Duplex, duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { beforeEach, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { joinStreams } from './join-streams.ts'

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await turn()
}

describe('two joined connections', () => {
  let [client, nearClient, backend, nearBackend]: Duplex[] = []
  beforeEach(() => {
    ;[client, nearClient] = duplexPair()
    ;[backend, nearBackend] = duplexPair()
  })
  const all = (): { client: Duplex; nearClient: Duplex; backend: Duplex; nearBackend: Duplex } => {
    assert.ok(client && nearClient && backend && nearBackend)
    return { client, nearClient, backend, nearBackend }
  }
  const join = (): ReturnType<typeof all> => {
    const sides = all()
    joinStreams({ client: sides.nearClient, backend: sides.nearBackend })
    return sides
  }

  it('pass bytes both ways, and the end of one way alone', async () => {
    const { client, backend } = join()
    client.end('question')
    assert.equal(await text(backend), 'question')
    backend.end('answer')
    assert.equal(await text(client), 'answer')
  })

  it('deliver all to a slow client after the backend has gone', async () => {
    const { client, backend, nearBackend } = join()
    const output = Buffer.alloc(40_000, 'x')
    backend.end(output)
    await settle()
    nearBackend.destroy()
    await settle()
    assert.equal((await text(client)).length, output.length)
  })

  it('end the backend when the client breaks off', async () => {
    const { nearClient, backend, nearBackend } = join()
    nearClient.destroy(new Error('reset'))
    assert.equal(await text(backend), '')
    backend.end()
    await settle()
    assert.ok(nearBackend.destroyed)
  })

  it('end at once when one side has gone before', async () => {
    const sides = all()
    sides.nearBackend.destroy()
    await settle()
    joinStreams({ client: sides.nearClient, backend: sides.nearBackend })
    assert.equal(await text(sides.client), '')
  })

  it('hold a writer back while the other side takes nothing', async () => {
    const { client } = join()
    let written = 0
    while (written < 10_000_000 && client.write(Buffer.alloc(16_384))) {
      written += 16_384
      await settle()
    }
    assert.ok(written < 1_000_000, `${written} bytes went to nobody`)
  })
})
