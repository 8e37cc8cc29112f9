import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ConditionLike, findCondition, isConditionTrue, removeCondition, setCondition } from './conditions.ts'
import { deepEqual } from './deep-equal.ts'
import { formatDuration, humanDuration, parseDuration } from './duration.ts'
import { generateName, randomSuffix } from './generate-name.ts'
import { resolveIntOrPercent } from './int-or-string.ts'
import { controllerOf, controllerReference, isControlledBy, isOwnedBy, ownerReference } from './owner.ts'

describe('resolveIntOrPercent', () => {
  for (const [value, total, up, down] of [
    [3, 10, 3, 3],
    ['25%', 10, 3, 2],
    ['0%', 10, 0, 0],
    ['100%', 7, 7, 7],
  ] as const)
    it(`${value} of ${total}`, () => {
      assert.equal(resolveIntOrPercent(value, total, 'up'), up)
      assert.equal(resolveIntOrPercent(value, total, 'down'), down)
    })
  it('knows no other text', () => assert.equal(resolveIntOrPercent('abc', 1, 'up'), undefined))
})

describe('generateName', () => {
  it('keeps the result within a DNS label and uses its own alphabet', () => {
    const name = generateName('x'.repeat(80), () => 0.5)
    assert.equal(name.length, 63)
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (r) =>
        assert.match(
          randomSuffix(5, () => r),
          /^[bcdfghjklmnpqrstvwxz2456789]{5}$/,
        ),
      ),
    )
  })
})

describe('setCondition', () => {
  const ready: ConditionLike = { type: 'Ready', status: 'False', reason: 'A', lastTransitionTime: 't1' }
  it('moves lastTransitionTime only with the status', () => {
    assert.deepEqual(setCondition([ready], { type: 'Ready', status: 'False', reason: 'B' }, 't2'), [{ ...ready, reason: 'B' }])
    assert.deepEqual(setCondition([ready], { type: 'Ready', status: 'True', reason: 'B' }, 't2'), [
      { type: 'Ready', status: 'True', reason: 'B', lastTransitionTime: 't2' },
    ])
  })
  it('appends, finds, removes, and answers the same list when nothing changed', () => {
    const list = setCondition([ready], { type: 'X', status: 'True' }, 't2')
    assert.equal(findCondition(list, 'X')?.lastTransitionTime, 't2')
    assert.equal(isConditionTrue(list, 'X'), true)
    assert.equal(setCondition(list, { type: 'X', status: 'True' }, 't3'), list)
    assert.deepEqual(removeCondition(list, 'X'), [ready])
    assert.equal(removeCondition(list, 'Y'), list)
  })
})

describe('owner references', () => {
  const type = { group: 'apps', version: 'v1', kind: 'ReplicaSet' }
  const owner = { metadata: { name: 'rs', uid: 'u' } }
  const owned = {
    metadata: { ownerReferences: [ownerReference(type, { metadata: { name: 'o', uid: 'z' } }), controllerReference(type, owner)] },
  }
  it('tells the controller from other owners', () => {
    assert.deepEqual(controllerOf(owned), {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      name: 'rs',
      uid: 'u',
      controller: true,
      blockOwnerDeletion: true,
    })
    assert.equal(isControlledBy(owned, owner), true)
    assert.equal(isControlledBy(owned, { metadata: { uid: 'z' } }), false)
    assert.equal(isOwnedBy(owned, { metadata: { uid: 'z' } }), true)
  })
})

describe('durations', () => {
  for (const [text, ms, canonical] of [
    ['1h30m', 5_400_000, '1h30m0s'],
    ['1.5s', 1500, '1.5s'],
    ['-2m', -120_000, '-2m0s'],
    ['0', 0, '0s'],
    ['10ms', 10, '10ms'],
    ['1us', 0.001, '1µs'],
    ['1h0.5s', 3_600_500, '1h0m0.5s'],
  ] as const)
    it(text, () => {
      assert.equal(parseDuration(text), ms)
      assert.equal(formatDuration(ms), canonical)
    })
  for (const text of ['', '5', 'h', '1d', '1s x', '.s'])
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), undefined))
  it('reads back what it writes', () => {
    fc.assert(fc.property(fc.integer({ min: -1e9, max: 1e9 }), (ms) => assert.equal(parseDuration(formatDuration(ms)), ms)))
  })
  for (const [seconds, text] of [
    [5, '5s'],
    [119, '119s'],
    [120, '2m'],
    [200, '3m20s'],
    [3600, '60m'],
    [3 * 3600, '3h'],
    [3 * 3600 + 60, '3h1m'],
    [50 * 3600, '2d2h'],
    [400 * 86400, '400d'],
    [800 * 86400, '2y70d'],
    [-5, '<invalid>'],
  ] as const)
    it(`prints ${seconds} s as ${text}`, () => assert.equal(humanDuration(seconds * 1000), text))
})

describe('deepEqual', () => {
  it('agrees with comparing the written JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        assert.equal(deepEqual(a, structuredClone(a)), true)
        try {
          assert.deepEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)))
        } catch {
          assert.equal(deepEqual(a, b), false)
          return
        }
        assert.equal(deepEqual(a, b), true)
      }),
    )
  })
  it('takes an undefined value for an absent one', () => {
    assert.equal(deepEqual({ a: 1, b: undefined }, { a: 1 }), true)
    assert.equal(deepEqual({ a: undefined }, { b: undefined }), true)
    assert.equal(deepEqual({ a: 1 }, { b: 1 }), false)
    assert.equal(deepEqual([], {}), false)
    assert.equal(deepEqual(JSON.parse('{"__proto__":{}}'), {}), false)
  })
})
