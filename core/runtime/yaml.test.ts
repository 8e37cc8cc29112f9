import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatYaml, parseYaml, parseYamlDocuments } from './yaml.ts'

const CASES: readonly (readonly [text: string, value: unknown])[] = [
  ['0644', 420],
  ['0o644', 420],
  ['0x10', 16],
  ['08', 8],
  ['-5', -5],
  ['1_000', 1000],
  ['12:30:45', '12:30:45'],
  ['2020-01-01', '2020-01-01'],
  ['yes', true],
  ['Off', false],
  ['~', null],
  ['1.50', 1.5],
  ['1e3', 1000],
  ['1.2.3', '1.2.3'],
  ['"1"', '1'],
  ['{<<: {a: 1}, b: 2}', { a: 1, b: 2 }],
]

describe('parseYaml', () => {
  for (const [text, value] of CASES) {
    it(`reads ${text} as ${JSON.stringify(value)}`, () => {
      assert.deepEqual(parseYaml(text), value)
    })
  }

  it('reads streams of documents', () => {
    assert.deepEqual(parseYamlDocuments('a: 1\n---\nb: 2\n'), [{ a: 1 }, { b: 2 }])
  })
})

describe('formatYaml', () => {
  it('reads back what it wrote', () => {
    const value = { a: 'yes', b: '0644', c: '1e3', d: '2020-01-01', e: 'a\nb\n', f: [1, null, { g: true }], h: '12:30', i: 'on' }
    assert.deepEqual(parseYaml(formatYaml(value)), value)
  })
})
