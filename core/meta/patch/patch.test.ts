import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { jsonPatch } from './json-patch.ts'
import { mergePatch } from './merge-patch.ts'
import { strategicMergePatch } from './strategic-merge.ts'
import { deploymentSchema, podSchema } from './testing.ts'

const freeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}

describe('mergePatch', () => {
  const cases: readonly [object, object, object][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, want] of cases)
    it(`${JSON.stringify(patch)} on ${JSON.stringify(target)}`, () => {
      assert.deepEqual(mergePatch(freeze(target) as Record<string, unknown>, patch), want)
    })
  it('refuses what is no object', () => {
    assert.throws(() => mergePatch({}, []), { code: 400, message: 'Invalid JSON Patch' })
  })
  it('keeps a key named like the prototype as data', () => {
    const patched = mergePatch({}, JSON.parse('{"__proto__":{"x":1}}'))
    assert.equal(JSON.stringify(patched), '{"__proto__":{"x":1}}')
    assert.equal((patched as { x?: number }).x, undefined)
  })
})

describe('jsonPatch', () => {
  const document = freeze({ a: { b: [1, 2, 3] }, 'x/y': 1, 'm~n': 2 })
  const cases: readonly [object, object][] = [
    [
      { op: 'add', path: '/c', value: 1 },
      { ...document, c: 1 },
    ],
    [
      { op: 'add', path: '/a/b/1', value: 9 },
      { ...document, a: { b: [1, 9, 2, 3] } },
    ],
    [
      { op: 'add', path: '/a/b/-', value: 9 },
      { ...document, a: { b: [1, 2, 3, 9] } },
    ],
    [
      { op: 'remove', path: '/a/b/0' },
      { ...document, a: { b: [2, 3] } },
    ],
    [
      { op: 'remove', path: '/a/b/-1' },
      { ...document, a: { b: [1, 2] } },
    ],
    [
      { op: 'replace', path: '/x~1y', value: 5 },
      { ...document, 'x/y': 5 },
    ],
    [
      { op: 'replace', path: '/m~0n', value: 5 },
      { ...document, 'm~n': 5 },
    ],
    [
      { op: 'move', from: '/a/b', path: '/z' },
      { a: {}, 'x/y': 1, 'm~n': 2, z: [1, 2, 3] },
    ],
    [
      { op: 'copy', from: '/a/b/0', path: '/z' },
      { ...document, z: 1 },
    ],
    [{ op: 'test', path: '/a/b', value: [1, 2, 3] }, document],
  ]
  for (const [operation, want] of cases)
    it(JSON.stringify(operation), () => {
      assert.deepEqual(jsonPatch(document, [operation]), want)
    })
  for (const operation of [
    { op: 'remove', path: '/q' },
    { op: 'replace', path: '/q', value: 1 },
    { op: 'test', path: '/a/b/0', value: 2 },
    { op: 'add', path: '/q/r', value: 1 },
    { op: 'add', path: '/a/b/7', value: 1 },
    { op: 'move', from: '/q', path: '/z' },
    { op: 'zap', path: '/a' },
    { op: 'add', value: 1 },
  ])
    it(`rejects ${JSON.stringify(operation)}`, () => {
      assert.throws(() => jsonPatch(document, [operation]), {
        code: 422,
        message: 'the server rejected our request due to an error in our request',
      })
    })
  it('limits the number of operations', () => {
    const operation = { op: 'test', path: '/a/b/0', value: 1 }
    assert.throws(() => jsonPatch(document, Array(10_001).fill(operation)), { code: 413, message: /in a JSON patch is 10000, got 10001/ })
    assert.throws(() => jsonPatch(document, { op: 'add' }), { code: 400 })
  })

  it('leaves a copy alone when the original changes, and the document always', () => {
    const patched = jsonPatch(document, [
      { op: 'add', path: '/a/c', value: { d: [1] } },
      { op: 'add', path: '/a/c/d/-', value: 2 },
      { op: 'copy', from: '/a', path: '/z' },
      { op: 'add', path: '/z/c/d/0', value: 0 },
      { op: 'replace', path: '/a/b/2', value: 5 },
      { op: 'move', from: '/a/c', path: '/c' },
      { op: 'remove', path: '/c/d/0' },
    ])
    assert.deepEqual(patched, { a: { b: [1, 2, 5] }, 'x/y': 1, 'm~n': 2, z: { b: [1, 2, 3], c: { d: [0, 1, 2] } }, c: { d: [2] } })
    assert.deepEqual(document, { a: { b: [1, 2, 3] }, 'x/y': 1, 'm~n': 2 })
  })

  it('leaves the patch alone: a retry applies it again', () => {
    const patch = freeze([
      { op: 'add', path: '/q', value: { list: [] } },
      { op: 'add', path: '/q/list/-', value: 1 },
    ])
    assert.deepEqual([jsonPatch({}, patch), jsonPatch({}, patch)], [{ q: { list: [1] } }, { q: { list: [1] } }])
  })

  it('takes a key that is special to the language for a key', () => {
    const patched = jsonPatch({}, [{ op: 'add', path: '/__proto__', value: { x: 1 } }])
    assert.equal((patched as { x?: number }).x, undefined)
    assert.equal(JSON.stringify(patched), '{"__proto__":{"x":1}}')
  })

  it('refuses what nests deeper and deeper by moves, and copies of it', () => {
    const wrap = Array.from({ length: 2_000 }, () => [
      { op: 'add', path: '/b', value: {} },
      { op: 'move', from: '/a', path: '/b/a' },
      { op: 'move', from: '/b', path: '/a' },
    ]).flat()
    for (const more of [[], [{ op: 'copy', from: '/a', path: '/c' }]])
      assert.throws(() => jsonPatch({ a: {} }, [...wrap, ...more]), { code: 422 })
  })

  it('does not copy a large object for each operation', () => {
    const large = { data: Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, ''])) }
    const patch = Array.from({ length: 10_000 }, (_, index) => ({ op: 'replace', path: `/data/k${index}`, value: 'x' }))
    const started = performance.now()
    const patched = jsonPatch(large, patch) as typeof large
    assert.ok(performance.now() - started < 2_000)
    assert.equal(Object.values(patched.data).filter((value) => value === 'x').length, 10_000)
  })
})

describe('strategicMergePatch', () => {
  const containers = [
    { name: 'a', image: 'i', ports: [{ containerPort: 80 }], env: [{ name: 'E', value: '1' }] },
    { name: 'b', image: 'i' },
  ]
  const pod = freeze({
    metadata: { name: 'p', labels: { a: '1' }, finalizers: ['x', 'y'] },
    spec: { containers, tolerations: [{ key: 'k' }], volumes: [{ name: 'v', emptyDir: {} }] },
  })
  const patched = (patch: object): typeof pod & Record<string, Record<string, never>> => strategicMergePatch(podSchema, pod, patch) as never

  it('merges lists by key, appends new items first in patch order, and leaves the rest', () => {
    const { spec } = patched({
      spec: {
        containers: [
          { name: 'c', image: 'j' },
          { name: 'a', image: 'z', env: [{ name: 'F' }] },
        ],
      },
    })
    assert.deepEqual(
      spec.containers.map((c) => [c.name, c.image]),
      [
        ['c', 'j'],
        ['a', 'z'],
        ['b', 'i'],
      ],
    )
    assert.deepEqual(spec.containers[1]?.env, [{ name: 'F' }, { name: 'E', value: '1' }])
  })
  it('replaces lists without a merge strategy', () => {
    assert.deepEqual(patched({ spec: { tolerations: [{ key: 'z' }] } }).spec.tolerations, [{ key: 'z' }])
  })
  it('merges sets of scalars and deletes from them', () => {
    assert.deepEqual(patched({ metadata: { finalizers: ['z'] } }).metadata.finalizers, ['z', 'x', 'y'])
    assert.deepEqual(patched({ metadata: { '$deleteFromPrimitiveList/finalizers': ['x'] } }).metadata.finalizers, ['y'])
  })
  it('removes with null and with $patch: delete, replaces with $patch: replace', () => {
    assert.deepEqual(patched({ metadata: { labels: { a: null, b: '2' } } }).metadata.labels, { b: '2' })
    assert.deepEqual(
      patched({ spec: { containers: [{ name: 'a', $patch: 'delete' }] } }).spec.containers.map((c) => c.name),
      ['b'],
    )
    assert.deepEqual(patched({ spec: { containers: [{ $patch: 'replace' }, { name: 'n' }] } }).spec.containers, [{ name: 'n' }])
    assert.deepEqual(patched({ metadata: { labels: { $patch: 'replace', z: '1' } } }).metadata.labels, { z: '1' })
    assert.deepEqual(patched({ metadata: { labels: { $patch: 'delete' } } }).metadata.labels, {})
  })
  it('orders by $setElementOrder and keeps items only the server has', () => {
    const { spec } = patched({
      spec: { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }], containers: [{ name: 'c', image: 'x' }] },
    })
    assert.deepEqual(
      spec.containers.map((c) => c.name),
      ['c', 'a', 'b'],
    )
    const alone = patched({ spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } })
    assert.deepEqual(
      alone.spec.containers.map((c) => c.name),
      ['b', 'a'],
    )
    const removed = patched({
      metadata: { '$setElementOrder/finalizers': ['z', 'y'], '$deleteFromPrimitiveList/finalizers': ['x'], finalizers: ['z'] },
    })
    assert.deepEqual(removed.metadata.finalizers, ['z', 'y'])
  })
  it('keeps only $retainKeys', () => {
    const { spec } = patched({ spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] } })
    assert.deepEqual(spec.volumes, [{ name: 'v', hostPath: { path: '/x' } }])
    const deployment = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } }
    assert.deepEqual(
      strategicMergePatch(deploymentSchema, deployment, { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } }),
      {
        spec: { strategy: { type: 'Recreate' } },
      },
    )
  })
  it('stores no directives and no nulls of values it takes over whole', () => {
    const patch = {
      spec: {
        securityContext: { runAsUser: null, $patch: 'merge' },
        containers: [{ name: 'n', env: [{ name: 'X', $patch: 'delete' }], command: null }],
      },
    }
    const { spec } = patched(patch) as unknown as { spec: Record<string, unknown> & { containers: object[] } }
    assert.deepEqual(spec['securityContext'], {})
    assert.deepEqual(spec.containers[0], { name: 'n', env: [] })
  })
  it('answers as Kubernetes does to what it cannot do', () => {
    const cases: readonly [object, number, string][] = [
      [
        { spec: { containers: [{ image: 'x', command: ['a', 'b'] }] } },
        500,
        'map: map[command:[a b] image:x] does not contain declared merge key: name',
      ],
      [{ spec: { containers: [{ name: 'a', $patch: 'zap' }] } }, 500, 'unknown patch type: zap in map: map[$patch:zap name:a]'],
      [{ spec: { $retainKeys: ['a'], b: 1 } }, 422, 'the server rejected our request due to an error in our request'],
      [{ spec: { $retainKeys: 'a' } }, 400, 'invalid patch format of retainKeys'],
      [{ metadata: { '$deleteFromPrimitiveList/finalizers': 'x' } }, 400, 'invalid patch format of primitive list'],
      [{ metadata: { '$setElementOrder/finalizers': 'x' } }, 400, 'invalid patch format of setElementOrder list'],
    ]
    for (const [patch, code, message] of cases) assert.throws(() => patched(patch), { code, message })
  })
  it('is idempotent for patches without directives', () => {
    const names = fc.constantFrom('a', 'b', 'c')
    const env = fc.uniqueArray(fc.record({ name: names, value: fc.constantFrom('1', '2') }), { selector: (e) => e.name })
    const list = fc.uniqueArray(fc.record({ name: names, image: names, env }), { selector: (c) => c.name })
    fc.assert(
      fc.property(list, list, (live, change) => {
        const plain = JSON.parse(JSON.stringify([live, change])) as [object[], object[]]
        const once = strategicMergePatch(podSchema, freeze({ spec: { containers: plain[0] } }), { spec: { containers: plain[1] } })
        assert.deepEqual(strategicMergePatch(podSchema, once, { spec: { containers: plain[1] } }), once)
      }),
    )
  })
})
