import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileJsonPath } from './json-path.ts'

const object = {
  spec: {
    replicas: 2,
    'a.b': 'dotted',
    list: [
      { name: 'x', n: 1 },
      { name: 'y', n: 5 },
      { name: 'z', n: 9 },
    ],
  },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Other', status: 'False' },
    ],
  },
}

describe('compileJsonPath', () => {
  for (const [path, want] of [
    ['.spec.replicas', [2]],
    ['{.spec.replicas}', [2]],
    ['$.spec.replicas', [2]],
    ['spec.replicas', [2]],
    ['.spec.missing.deep', []],
    [`.spec['a.b']`, ['dotted']],
    ['.spec.a\\.b', ['dotted']],
    ['.spec.list[0].name', ['x']],
    ['.spec.list[-1].name', ['z']],
    ['.spec.list[0:2].name', ['x', 'y']],
    ['.spec.list[0,2].name', ['x', 'z']],
    ['.spec.list[*].name', ['x', 'y', 'z']],
    ['..name', ['x', 'y', 'z']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [`.status.conditions[?(@.type=='Other')].status`, ['False']],
    ['.spec.list[?(@.n>4)].name', ['y', 'z']],
    ['.spec.list[?(@.n != 5)].name', ['x', 'z']],
    ['.spec.list[?(@.missing)].name', []],
  ] as const) {
    it(`reads ${path}`, () => assert.deepEqual(compileJsonPath(path)(object), want))
  }

  for (const path of ['.spec[', '.spec.list[?(@.a==]', '.a b', '.spec..', '.spec.list[?(a)]']) {
    it(`refuses ${path}`, () => assert.throws(() => compileJsonPath(path), /unexpected/))
  }
})
