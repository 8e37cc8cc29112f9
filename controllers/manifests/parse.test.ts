import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { objectSetHash, parseGvks } from './object-set.ts'
import { applyOrder } from './order.ts'
import { parseManifest } from './parse.ts'

const yaml = (kind: string, name: string): string => `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n`

describe('reading a manifest file', () => {
  it('takes several documents, skips empty ones and comments, and takes lists apart', () => {
    const text = `# head\n---\n${yaml('ConfigMap', 'a')}---\n# only a comment\n---\n{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"b"}}]}\n`
    assert.deepEqual(
      parseManifest('f.yaml', text).map((object) => `${object.kind}/${object.metadata.name}`),
      ['ConfigMap/a', 'Secret/b'],
    )
  })

  it('reads an empty file as nothing', () => {
    assert.deepEqual(parseManifest('f.yaml', '\n# nothing\n---\n'), [])
  })

  it('names file, line and reason of broken YAML', () => {
    const text = `${yaml('ConfigMap', 'a')}---\napiVersion: v1\nkind: [broken\n`
    assert.throws(() => parseManifest('/m/app.yaml', text), {
      reason: 'ParseManifestFailed',
      message: '/m/app.yaml:8: deficient indentation',
    })
    const second = 'kind: A\napiVersion: v1\nmetadata: {name: a}\n---\n# two\nkind: B\nmetadata:\n  name: x\n data: {}\n'
    assert.throws(() => parseManifest('/m/app.yaml', second), { message: '/m/app.yaml:9: bad indentation of a mapping entry' })
  })

  const bad: readonly (readonly [string, RegExp])[] = [
    ['kind: ConfigMap\nmetadata: {name: a}\n', /f\.yaml:1: apiVersion is missing/],
    [`${yaml('ConfigMap', 'a')}---\napiVersion: v1\nmetadata: {name: a}\n`, /f\.yaml:5: kind is missing/],
    ['apiVersion: v1\nkind: ConfigMap\n', /metadata\.name of the ConfigMap is missing/],
    ['just text\n', /not a Kubernetes object/],
  ]
  for (const [text, want] of bad) {
    it(`refuses a document with ${want.source}`, () => {
      assert.throws(() => parseManifest('f.yaml', text), want)
    })
  }

  it('is not led into endless expansion', () => {
    const bomb = [
      'a: &a [x, x]',
      ...Array.from({ length: 30 }, (_, n) => `b${n}: &b${n} [${n === 0 ? '*a, *a' : `*b${n - 1}, *b${n - 1}`}]`),
    ].join('\n')
    assert.doesNotThrow(() => {
      try {
        parseManifest('f.yaml', bomb)
      } catch (err) {
        assert.match((err as Error).message, /f\.yaml/)
      }
    })
  })
})

describe('an object set', () => {
  it('has the label value that K3s gives', () => {
    assert.equal(objectSetHash('coredns'), 'bce283298811743a0386ab510f2f67ef74240c57')
  })

  it('reads the kinds of an Addon back, with and without group', () => {
    assert.deepEqual(parseGvks('/v1, Kind=Service;apps/v1, Kind=Deployment;nonsense'), [
      { apiVersion: 'v1', kind: 'Service' },
      { apiVersion: 'apps/v1', kind: 'Deployment' },
    ])
  })

  it('applies what others stand on first', () => {
    const objects = parseManifest(
      'f.yaml',
      ['Deployment', 'Service', 'ConfigMap', 'Namespace', 'CustomResourceDefinition'].map((kind) => yaml(kind, 'x')).join('---\n'),
    )
    assert.deepEqual(
      applyOrder(objects).map((object) => object.kind),
      ['Namespace', 'CustomResourceDefinition', 'ConfigMap', 'Deployment', 'Service'],
    )
  })
})
