import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { textResponse, withWarnings } from './response.ts'

describe('withWarnings', () => {
  const header = (warnings: readonly string[]): string => withWarnings(textResponse(200, ''), warnings).headers['warning'] ?? ''

  it('says each text once, without what a header cannot hold', () => {
    assert.equal(header([]), '')
    assert.equal(header(['a "b"', 'c\r\nd', 'c\r\nd']), '299 - "a \\"b\\"", 299 - "c  d"')
    assert.equal(header(['x'.repeat(4_096)]).length, 4_096 + '299 - ""'.length)
  })

  it('cuts and ends what no client would read', () => {
    const many = header(Array.from({ length: 100_000 }, (_, index) => `unknown field "spec.f${index}"`))
    assert.ok(many.length < 8_192, `${many.length}`)
    assert.match(many, /spec\.f0\\"", 299/)
    assert.equal(header(['x'.repeat(10_000)]), `299 - "${'x'.repeat(256)}"`)
  })
})
