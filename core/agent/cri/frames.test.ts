import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FrameReader, frame } from './frames.ts'

const messages = ['', 'a', 'hello', 'x'.repeat(300)]
const wire = Buffer.concat(messages.map((text) => frame(Buffer.from(text))))

describe('FrameReader', () => {
  for (const size of [1, 2, 4, 5, 6, 7, 64, wire.length]) {
    it(`finds the same messages in chunks of ${size} bytes`, () => {
      const reader = new FrameReader()
      const found: string[] = []
      for (let at = 0; at < wire.length; at += size) {
        for (const message of reader.push(wire.subarray(at, at + size))) found.push(Buffer.from(message).toString())
      }
      assert.deepEqual(found, messages)
    })
  }

  it('refuses a compressed message', () => {
    assert.throws(() => new FrameReader().push(Buffer.from([1, 0, 0, 0, 0])), /compressed/)
  })
})
