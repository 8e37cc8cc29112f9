import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nestsTooDeep } from './json-depth.ts'

const nested = (depth: number, open = '[', close = ']'): string => open.repeat(depth) + close.repeat(depth)

describe('depth of JSON', () => {
  it('is counted over arrays and objects', () => {
    assert.equal(nestsTooDeep(nested(1_000)), false)
    assert.equal(nestsTooDeep(nested(1_001)), true)
    assert.equal(nestsTooDeep(nested(1_001, '{"a":', '}')), true)
  })

  it('does not grow by siblings, nor by brackets in strings', () => {
    assert.equal(nestsTooDeep(`[${'[],{},'.repeat(5_000)}[]]`), false)
    assert.equal(nestsTooDeep(`{"a":"${'['.repeat(5_000)}","b\\"":"\\\\","c":"${'{'.repeat(5_000)}"}`), false)
  })

  it('of a text without ends is found as well', () => assert.equal(nestsTooDeep('['.repeat(3_000)), true))
})
