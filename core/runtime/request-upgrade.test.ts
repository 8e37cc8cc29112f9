import assert from 'node:assert/strict'
import { duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { requestUpgrade } from './request-upgrade.ts'

const REQUEST = {
  method: 'POST',
  path: '/a?b=c',
  headers: { host: 'h', connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-version': ['v4', 'v3'] },
}

function asked(answer: string, signal = new AbortController().signal): { answer: ReturnType<typeof requestUpgrade>; heard: () => string } {
  const [near, far] = duplexPair()
  let heard = ''
  far.on('data', (part: Buffer) => {
    heard += part.toString()
    if (heard.endsWith('\r\n\r\n') && answer !== '') far.write(answer)
  })
  far.on('end', () => far.end())
  return { answer: requestUpgrade(near, REQUEST, signal), heard: () => heard }
}

describe('an upgrade', () => {
  it('hands the connection over, with what came along', async () => {
    const { answer, heard } = asked('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nfirst')
    const got = await answer
    assert.ok(got.taken)
    assert.equal(got.head.toString(), 'first')
    assert.deepEqual(heard().split('\r\n').slice(0, 6), [
      'POST /a?b=c HTTP/1.1',
      'host: h',
      'connection: Upgrade',
      'upgrade: SPDY/3.1',
      'x-version: v4',
      'x-version: v3',
    ])
  })

  it('is refused with an ordinary answer', async () => {
    const { answer } = asked('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nnohidden')
    const got = await answer
    assert.ok(!got.taken)
    assert.deepEqual([got.response.statusCode, await text(got.response)], [403, 'no'])
  })

  it('is given up with its signal', async () => {
    const life = new AbortController()
    const { answer } = asked('', life.signal)
    life.abort()
    await assert.rejects(answer, /given up/)
    await assert.rejects(asked('', life.signal).answer, /given up/)
  })

  it('fails when the other side speaks no HTTP', async () => {
    await assert.rejects(asked('SSH-2.0-x\r\n').answer, /Parse Error/)
  })
})
