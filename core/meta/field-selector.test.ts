import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { escapeFieldValue, formatFieldSelector, matchesFields, parseFieldSelector, requiredFieldValue } from './field-selector.ts'

describe('parseFieldSelector', () => {
  it('reads every operator and sorts the terms', () => {
    assert.deepEqual(parseFieldSelector('status.phase!=Running,metadata.name==a,spec.nodeName='), [
      { field: 'metadata.name', operator: '=', value: 'a' },
      { field: 'spec.nodeName', operator: '=', value: '' },
      { field: 'status.phase', operator: '!=', value: 'Running' },
    ])
  })
  it('reads back any escaped value', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const selector = parseFieldSelector(`f=${escapeFieldValue(value)}`)
        assert.equal(requiredFieldValue(selector, 'f'), value)
        assert.deepEqual(parseFieldSelector(formatFieldSelector(selector)), selector)
      }),
    )
  })
  for (const [text, message] of [
    ['abc', "invalid selector: 'abc'; can't understand 'abc'"],
    ['a=\\x', 'invalid field selector: invalid escape sequence: \\x'],
    ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
  ] as const)
    it(`rejects ${text}`, () => {
      assert.throws(() => parseFieldSelector(text), { message, code: 400 })
    })
})

describe('matchesFields', () => {
  it('compares an absent field as empty', () => {
    const valueOf = (field: string): string | undefined => (field === 'a' ? '1' : undefined)
    assert.equal(matchesFields(parseFieldSelector('a=1,b='), valueOf), true)
    assert.equal(matchesFields(parseFieldSelector('a!=1'), valueOf), false)
    assert.equal(matchesFields(parseFieldSelector('b!=x'), valueOf), true)
  })
})
