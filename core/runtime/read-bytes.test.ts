import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readBytes, readText } from './read-bytes.ts'

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text)
}

describe('reading a body whole', () => {
  it('joins chunks, also where they cut a character', async () => {
    const euro = new TextEncoder().encode('€')
    const cut = (async function* () {
      yield euro.subarray(0, 1)
      yield euro.subarray(1)
    })()
    assert.equal(await readText(cut), '€')
    assert.equal((await readBytes(chunks())).length, 0)
  })

  it('stops at the limit and ends the source', async () => {
    let ended = false
    const endless = (async function* () {
      try {
        for (;;) yield new Uint8Array(10)
      } finally {
        ended = true
      }
    })()
    await assert.rejects(readBytes(endless, 25), /larger than 25 bytes/)
    assert.ok(ended)
    assert.equal(await readText(chunks('abcde', 'fghij'), 10), 'abcdefghij')
  })
})
