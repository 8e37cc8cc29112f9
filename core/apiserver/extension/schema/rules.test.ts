import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ruleErrors } from '../definition/validate-rules.ts'
import type { JsonSchema } from './json-schema.ts'
import { compileRules } from './rules.ts'

const REPLICAS: JsonSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      'x-kubernetes-validations': [
        { rule: 'self.replicas <= self.max', message: 'replicas must not exceed max', fieldPath: '.replicas' },
        { rule: 'self.replicas >= oldSelf.replicas', messageExpression: '"from %d to %d".format([oldSelf.replicas, self.replicas])' },
      ],
      properties: { replicas: { type: 'integer' }, max: { type: 'integer' } },
    },
  },
}

function judge(schema: JsonSchema, value: unknown, old?: unknown): string[] {
  return (compileRules(schema)?.(value, old) ?? []).map(({ field, message }) => `${field}: ${message}`)
}

const inObject = (name: string, schema: JsonSchema): JsonSchema => ({ type: 'object', properties: { [name]: schema } })

describe('rules of a schema', () => {
  it('say where and why', () => {
    assert.deepEqual(judge(REPLICAS, { spec: { replicas: 3, max: 2 } }), [
      'spec.replicas: Invalid value: "object": replicas must not exceed max',
    ])
    assert.deepEqual(judge(REPLICAS, { spec: { replicas: 1, max: 2 } }), [])
  })

  it('compare with the past, and only where there is one', () => {
    assert.deepEqual(judge(REPLICAS, { spec: { replicas: 1, max: 2 } }, { spec: { replicas: 2, max: 2 } }), [
      'spec: Invalid value: "object": from 2 to 1',
    ])
    assert.deepEqual(judge(REPLICAS, { spec: { replicas: 1, max: 2 } }, {}), [])
  })

  it('may ask for the past themselves', () => {
    const rule = { rule: '!oldSelf.hasValue() || oldSelf.value() == self', optionalOldSelf: true, reason: 'FieldValueForbidden' as const }
    const schema = inObject('v', { type: 'string', 'x-kubernetes-validations': [rule] })
    assert.deepEqual(judge(schema, { v: 'a' }), [])
    assert.deepEqual(judge(schema, { v: 'a' }, { v: 'b' }), [`v: Forbidden: failed rule: ${rule.rule}`])
  })

  it('leave parts alone that did not change', () => {
    const wrong = { spec: { replicas: 3, max: 2 } }
    assert.deepEqual(judge(REPLICAS, wrong, structuredClone(wrong)), [])
  })

  it('follow items of lists by key, and reach names with any character', () => {
    const schema = inObject('list', {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['a-b'],
      items: {
        type: 'object',
        properties: { 'a-b': { type: 'string' }, namespace: { type: 'string' } },
        'x-kubernetes-validations': [{ rule: 'self.a__dash__b == oldSelf.a__dash__b && self.__namespace__ == oldSelf.__namespace__' }],
      },
    })
    const old = {
      list: [
        { 'a-b': 'x', namespace: '1' },
        { 'a-b': 'y', namespace: '2' },
      ],
    }
    const next = {
      list: [
        { 'a-b': 'y', namespace: '2' },
        { 'a-b': 'x', namespace: '3' },
      ],
    }
    assert.deepEqual(judge(schema, next, old).length, 1)
    assert.match(judge(schema, next, old)[0] ?? '', /^list\[1\]: Invalid value: "object": failed rule: self\.a__dash__b/)
  })

  it('see sets without order, int-or-string as it is, formats as what they mean, and the object itself', () => {
    const set: JsonSchema = { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } }
    const whole: JsonSchema = {
      type: 'object',
      properties: {
        s: set,
        p: { 'x-kubernetes-int-or-string': true },
        t: { type: 'string', format: 'date-time' },
        m: { type: 'object', additionalProperties: { type: 'integer' } },
        d: { type: 'number' },
      },
      'x-kubernetes-validations': [
        { rule: 'self.s == ["b", "a"] || self.s + ["a"] == self.s' },
        { rule: 'type(self.p) == int ? self.p < 100 : self.p == "50%"' },
        { rule: 'self.t > timestamp("2020-01-01T00:00:00Z") && self.metadata.name == "n" && self.kind == "K"' },
        { rule: 'self.m.all(k, self.m[k] > 0) && self.d == 1.0' },
      ],
    }
    const value = { kind: 'K', metadata: { name: 'n' }, s: ['a', 'b'], p: '50%', t: '2024-01-01T00:00:00Z', m: { x: 1 }, d: 1 }
    assert.deepEqual(judge(whole, value), [])
    assert.equal(judge(whole, { ...value, p: 100, m: { x: 0 } }).length, 2)
  })

  it('explain what they cannot evaluate, and end what costs too much', () => {
    const absent = inObject('v', {
      type: 'object',
      properties: { a: { type: 'integer' } },
      'x-kubernetes-validations': [{ rule: 'self.a > 0' }],
    })
    assert.deepEqual(judge(absent, { v: {} }), ['v: Invalid value: "object": no such key: a evaluating rule: self.a > 0'])
    const loops = 'self.all(a, self.all(b, self.all(c, self.all(d, a + b + c + d >= 0))))'
    const costly = inObject('v', { type: 'array', items: { type: 'integer' }, 'x-kubernetes-validations': [{ rule: loops }] })
    const [error = ''] = judge(costly, { v: Array.from({ length: 100 }, (_, i) => i) })
    assert.match(error, /^v: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules/)
  })
})

describe('rules of a definition', () => {
  const problems = (schema: JsonSchema): string[] => ruleErrors(schema, 'p').map(({ field, message }) => `${field}: ${message}`)
  const withRule = (rule: object): JsonSchema => inObject('v', { type: 'integer', 'x-kubernetes-validations': [rule as { rule: string }] })

  for (const [rule, want] of [
    [{ rule: 'self > 0' }, undefined],
    [{ rule: '' }, /^p\.properties\[v\]\.x-kubernetes-validations\[0\]\.rule: Required value: rule is not specified/],
    [
      { rule: 'self > "a"' },
      /\.rule: Invalid value: \{"rule":"self > \\"a\\""\}: compilation failed: ERROR: <input>:1:6: found no matching overload/,
    ],
    [{ rule: 'self + 1' }, /must evaluate to bool/],
    [{ rule: 'true', messageExpression: '1' }, /\.messageExpression: .*must evaluate to string/],
    [{ rule: 'true', optionalOldSelf: true }, /may not be set if oldSelf is not used in rule/],
    [{ rule: 'true', fieldPath: '.nope' }, /\.fieldPath: .*does not refer to a valid field/],
    [{ rule: 'true', reason: 'No' }, /\.reason: Unsupported value: "No"/],
  ] as const)
    it(JSON.stringify(rule), () => {
      const found = problems(withRule(rule))
      if (want === undefined) assert.deepEqual(found, [])
      else assert.match(found.join('\n'), want)
    })

  it('may not ask for the past of items that nothing tells apart', () => {
    const schema = inObject('l', { type: 'array', items: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] } })
    assert.match(problems(schema).join(), /oldSelf cannot be used on the uncorrelatable portion of the schema within p\.properties\[l\]/)
  })
})
