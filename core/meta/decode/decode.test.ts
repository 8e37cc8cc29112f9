import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Field, ObjectSchema, Schema } from '../schema.ts'
import { decodeFailureText, decodeObject, strictErrorText, strictProblems } from './decode.ts'

const field = (name: string, schema: Schema, more: Partial<Field> = {}): [string, Field] => [
  name,
  { name, schema, required: false, always: false, pointer: false, ...more },
]
const object = (name: string, ...fields: [string, Field][]): ObjectSchema => ({ type: 'object', name, fields: new Map(fields) })

const resources = object('core_v1.ResourceRequirements', field('limits', { type: 'map', values: { type: 'quantity' } }))
const container = object(
  'core_v1.Container',
  field('name', { type: 'string' }, { always: true }),
  field('image', { type: 'string' }),
  field('command', { type: 'list', items: { type: 'string' } }),
  field('port', { type: 'int32' }),
  field('tty', { type: 'boolean' }),
  field('privileged', { type: 'boolean' }, { pointer: true }),
  field('resources', resources, { always: true }),
  field('policy', { type: 'string' }, { goName: 'core_v1.PullPolicy' }),
)
const pod = object(
  'core_v1.Pod',
  field(
    'metadata',
    object(
      'meta_v1.ObjectMeta',
      field('creationTimestamp', { type: 'time' }),
      field('labels', { type: 'map', values: { type: 'string' } }),
    ),
    { always: true },
  ),
  field(
    'spec',
    object(
      'core_v1.PodSpec',
      field('containers', { type: 'list', items: container }, { always: true }),
      field('grace', { type: 'int64' }, { pointer: true }),
    ),
    { always: true },
  ),
  field('data', { type: 'map', values: { type: 'bytes' } }),
  field('raw', { type: 'any' }),
  field('when', { type: 'micro-time' }, { pointer: true }),
  field('every', { type: 'duration' }, { pointer: true }),
  field('target', { type: 'int-or-string' }, { pointer: true }),
)

const decode = (value: unknown, schema = pod) => decodeObject(structuredClone(value), schema)

describe('decoding a built-in type', () => {
  it('fills what Go always writes and drops what is empty', () => {
    const { object } = decode({ data: {}, spec: { containers: [{ image: '', command: [], port: 0, tty: false }] } })
    assert.deepEqual(object, { spec: { containers: [{ name: '', resources: {} }] }, metadata: {} })
    assert.deepEqual(decode({}).object, { metadata: {}, spec: { containers: [] } })
  })

  it('keeps an explicit zero behind a pointer', () => {
    const { object } = decode({ spec: { grace: 0, containers: [{ name: 'a', privileged: false }] } })
    assert.deepEqual(object['spec'], { grace: 0, containers: [{ name: 'a', privileged: false, resources: {} }] })
  })

  it('takes null for absent, and for a zero item in lists and maps', () => {
    const { object } = decode({ metadata: { labels: { a: null } }, raw: null, spec: { grace: null, containers: [null] } })
    assert.deepEqual(object, { metadata: { labels: { a: '' } }, spec: { containers: [{ name: '', resources: {} }] } })
  })

  for (const [title, value, want] of [
    [
      'quantities',
      { spec: { containers: [{ name: 'a', resources: { limits: { cpu: 1, memory: '1024Mi', x: '0.5' } } }] } },
      { cpu: '1', memory: '1Gi', x: '500m' },
    ],
  ] as const) {
    it(`writes ${title} in canonical form`, () => {
      const spec = decode(value).object['spec'] as { containers: [{ resources: { limits: unknown } }] }
      assert.deepEqual(spec.containers[0].resources.limits, want)
    })
  }

  it('writes times in UTC and durations in full', () => {
    const { object } = decode({
      metadata: { creationTimestamp: '2024-03-01T01:30:00.5+02:00' },
      when: '2024-01-01T00:00:00Z',
      every: '90m',
      target: 'http',
    })
    assert.deepEqual(object, {
      metadata: { creationTimestamp: '2024-02-29T23:30:00Z' },
      when: '2024-01-01T00:00:00.000000Z',
      every: '1h30m0s',
      target: 'http',
      spec: { containers: [] },
    })
  })

  it('is idempotent', () => {
    const once = decode({ metadata: { labels: { a: 'b' } }, raw: { x: [1, null] }, spec: { grace: 1, containers: [{ name: 'a' }] } }).object
    assert.deepEqual(decode(once), { object: once, unknownFields: [], duplicateFields: [], errors: [] })
  })

  it('tells field names by case, and shows unknown ones with indexes', () => {
    const result = decode({ Spec: {}, spec: { containers: [{ name: 'a', Image: 'x' }, { nam: 'b' }], foo: { bar: 1 } } })
    assert.deepEqual(result.unknownFields, ['Spec', 'spec.containers[0].Image', 'spec.containers[1].nam', 'spec.foo'])
    assert.deepEqual(result.errors, [])
  })

  it('does not let a key named __proto__ through', () => {
    const { object, unknownFields } = decodeObject(JSON.parse('{"__proto__":{"spec":1},"metadata":{"labels":{"__proto__":"x"}}}'), pod)
    assert.deepEqual(unknownFields, ['__proto__'])
    assert.equal(Object.getPrototypeOf(object), Object.prototype)
    assert.equal(JSON.stringify(object), '{"metadata":{"labels":{"__proto__":"x"}},"spec":{"containers":[]}}')
  })

  for (const [value, want] of [
    [{ spec: { grace: 'a' } }, 'json: cannot unmarshal string into Go struct field PodSpec.spec.grace of type int64'],
    [{ spec: { grace: 1.5 } }, 'json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.grace of type int64'],
    [
      { spec: { containers: [{ port: 2 ** 31 }] } },
      'json: cannot unmarshal number 2147483648 into Go struct field Container.spec.containers.port of type int32',
    ],
    [{ spec: { containers: {} } }, 'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container'],
    [{ spec: { containers: ['a'] } }, 'json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type v1.Container'],
    [
      { spec: { containers: [{ command: [1] }] } },
      'json: cannot unmarshal number into Go struct field Container.spec.containers.command of type string',
    ],
    [
      { spec: { containers: [{ policy: true }] } },
      'json: cannot unmarshal bool into Go struct field Container.spec.containers.policy of type v1.PullPolicy',
    ],
    [{ spec: [] }, 'json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec'],
    [{ metadata: { labels: { a: 1 } } }, 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string'],
    [
      { metadata: { labels: 'x' } },
      'json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    ],
    ['x', 'json: cannot unmarshal string into Go value of type v1.Pod'],
    [{ metadata: { creationTimestamp: 'x' } }, 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'],
    [{ metadata: { creationTimestamp: '2024-02-30T00:00:00Z' } }, 'parsing time "2024-02-30T00:00:00Z": day out of range'],
    [{ data: { a: 'a$' } }, 'illegal base64 data at input byte 1'],
    [
      { spec: { containers: [{ resources: { limits: { cpu: 'x' } } }], grace: 'a' } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ] as const) {
    it(`says ${want}`, () => {
      assert.equal(decode(value).errors[0], want)
    })
  }
})

describe('duplicate fields', () => {
  const find = (text: string) => decodeObject(JSON.parse(text), pod, { text }).duplicateFields

  it('are found with their path, also below values that are kept or dropped whole', () => {
    assert.deepEqual(find('{"raw":{"a":[{"b":1,"b":2}]},"foo":{"c":1,"c":1},"spec":{"grace":1,"grace":2}}'), [
      'raw.a[0].b',
      'foo.c',
      'spec.grace',
    ])
  })

  it('are not seen in strings, and a key is compared unescaped', () => {
    assert.deepEqual(find('{"metadata":{"labels":{"a":"\\"x\\":1, :","b\\\\":":"}}}'), [])
    assert.deepEqual(find('{"raw": {"\\u0061": 1, "a" : [ ] } }'), ['raw.a'])
  })

  it('stand with unknown fields in the order of the text; what is unknown is not told twice', () => {
    const text = '{"bar":{"x":1,"x":2},"spec":{"grace":1,"grace":2},"foo":1,"foo":2}'
    assert.deepEqual(strictProblems(decodeObject(JSON.parse(text), pod, { text })), [
      'unknown field "bar"',
      'duplicate field "spec.grace"',
      'unknown field "foo"',
    ])
  })

  it('stand with unknown fields in the error of strict validation', () => {
    const text = '{"spec":{"grace":1,"grace":2},"foo":1}'
    const problems = strictProblems(decodeObject(JSON.parse(text), pod, { text }))
    assert.equal(
      decodeFailureText({ kind: 'Pod', version: 'v1' }, strictErrorText(problems)),
      'Pod in version "v1" cannot be handled as a Pod: strict decoding error: duplicate field "spec.grace", unknown field "foo"',
    )
  })
})

describe('decoding a custom type', () => {
  const custom: ObjectSchema = {
    type: 'object',
    fields: new Map([
      field('metadata', object('meta_v1.ObjectMeta', field('labels', { type: 'map', values: { type: 'string' } }))),
      field('spec', {
        type: 'object',
        fields: new Map([
          field('size', { type: 'int32' }),
          field('maybe', { type: 'string', nullable: true }),
          field('list', { type: 'list', items: { type: 'object', fields: new Map([field('a', { type: 'string' })]) } }),
          field('open', {
            type: 'object',
            fields: new Map([field('known', { type: 'object', fields: new Map() })]),
            preserveUnknown: true,
          }),
          field('any', { type: 'any' }),
        ]),
      }),
    ]),
  }

  it('prunes what the schema does not name and keeps the rest as it is', () => {
    const { object, unknownFields } = decode(
      { spec: { size: 'no', list: [{ a: '', b: 1 }], extra: 1, open: { x: 0, known: { y: 1 } }, any: { z: null } }, other: 1 },
      custom,
    )
    assert.deepEqual(object, { spec: { size: 'no', list: [{ a: '' }], open: { x: 0, known: {} }, any: { z: null } } })
    assert.deepEqual(unknownFields, ['spec.list[0].b', 'spec.extra', 'spec.open.known.y', 'other'])
  })

  it('prunes nulls unless the field is nullable', () => {
    assert.deepEqual(decode({ spec: { size: null, maybe: null } }, custom).object, { spec: { maybe: null } })
  })

  it('decodes metadata as a built-in type', () => {
    const { object, unknownFields, errors } = decode({ metadata: { labels: {}, foo: 1 } }, custom)
    assert.deepEqual([object, unknownFields, errors], [{ metadata: {} }, ['metadata.foo'], []])
    assert.deepEqual(decode({ metadata: { labels: 1 } }, custom).errors, [
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    ])
  })
})
