import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatYaml, parseLenientYaml, parseYaml, parseYamlDocuments } from './yaml.ts'

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

describe('aliases', () => {
  it('become objects of their own', () => {
    const read = parseYaml('a: &x { v: 1 }\nb: *x\n') as { readonly a: { v: number }; readonly b: { v: number } }
    read.a.v = 2
    assert.equal(read.b.v, 1)
  })

  it('that stand for more than a machine can hold are refused at once', () => {
    const lines = ['a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]']
    for (let i = 1; i < 30; i++) lines.push(`a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}]`)
    assert.throws(() => parseYaml(lines.join('\n')), /excessive aliasing/)
    assert.throws(() => parseYamlDocuments(`---\nx: 1\n---\n${lines.join('\n')}`), /excessive aliasing/)
    assert.throws(() => parseLenientYaml(`x: 1\nx: 2\n${lines.join('\n')}`), /excessive aliasing/)
  })

  it('of what they are in are refused', () => assert.throws(() => parseYaml('a: &a { b: *a }'), /anchor contains itself/))
})

describe('nesting', () => {
  for (const depth of [1_500, 100_000])
    it(`of ${depth} levels is refused`, () => {
      assert.throws(() => parseYaml('['.repeat(depth) + ']'.repeat(depth)))
      assert.throws(() => parseYaml(`a: &a 1\nb: *a\nc: ${'['.repeat(depth)}${']'.repeat(depth)}`))
    })

  it('of aliases counts as if they had been written out', () => {
    const lines = Array.from({ length: 1_500 }, (_, index) => `k${index + 1}: &k${index + 1} { a: *k${index} }`)
    assert.throws(() => parseYaml(`k0: &k0 {}\n${lines.join('\n')}`), /exceeded max depth|excessive aliasing/)
  })
})

describe('parseLenientYaml', () => {
  it('lets the last of equal keys count, and says which it was', () => {
    assert.deepEqual(parseLenientYaml('a: 1\nb:\n  - c: 1\n    c: 2\n'), {
      value: { a: 1, b: [{ c: 2 }] },
      duplicate: 'line 4: key "c" already set in map',
    })
    assert.deepEqual(parseLenientYaml('a: 1'), { value: { a: 1 } })
    assert.throws(() => parseLenientYaml('a: ['), { name: 'YAMLException' })
  })
})

describe('formatYaml', () => {
  it('reads back what it wrote', () => {
    const value = { a: 'yes', b: '0644', c: '1e3', d: '2020-01-01', e: 'a\nb\n', f: [1, null, { g: true }], h: '12:30', i: 'on' }
    assert.deepEqual(parseYaml(formatYaml(value)), value)
  })
})
