import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileDefaults } from './defaults.ts'
import { embeddedRule } from './embedded.ts'
import type { JsonSchema } from './json-schema.ts'
import { toObjectSchema } from './to-schema.ts'
import { compileValidator } from './validator.ts'

const problems = (schema: JsonSchema, value: unknown, old?: unknown): string[] =>
  compileValidator({ type: 'object', properties: { v: schema } })({ v: value }, old === undefined ? undefined : { v: old }).map(
    (error) => `${error.field}: ${error.message}`,
  )

describe('value rules', () => {
  for (const [schema, value, want] of [
    [{ type: 'string' }, 5, ['v: Invalid value: "integer": v in body must be of type string: "integer"']],
    [{ type: 'string' }, null, ['v: Invalid value: "null": v in body must be of type string: "null"']],
    [{ type: 'string', nullable: true }, null, []],
    [{ type: 'number' }, 5, []],
    [{ type: 'integer' }, 5.5, ['v: Invalid value: "number": v in body must be of type integer: "number"']],
    [{ type: 'integer', format: 'int32' }, 2 ** 31, ['v: Invalid value: 2147483648: v in body must be of type integer with format int32']],
    [{ type: 'integer', maximum: 3 }, 4, ['v: Invalid value: 4: v in body should be less than or equal to 3']],
    [{ type: 'integer', maximum: 3, exclusiveMaximum: true }, 3, ['v: Invalid value: 3: v in body should be less than 3']],
    [{ type: 'integer', minimum: 3, exclusiveMinimum: true }, 3, ['v: Invalid value: 3: v in body should be greater than 3']],
    [{ type: 'number', multipleOf: 0.1 }, 0.3, []],
    [{ type: 'integer', multipleOf: 2 }, 3, ['v: Invalid value: 3: v in body should be a multiple of 2']],
    [{ type: 'string', minLength: 2 }, '✓', ['v: Invalid value: "✓": v in body should be at least 2 chars long']],
    [{ type: 'string', maxLength: 1 }, '😀', []],
    [{ type: 'string', maxLength: 2 }, 'abc', ['v: Too long: may not be more than 2 bytes']],
    [{ type: 'string', pattern: '^(?i)a+$' }, 'AA', []],
    [{ type: 'string', pattern: '^a+$' }, 'b', ['v: Invalid value: "b": v in body should match \'^a+$\'']],
    [{ type: 'string', format: 'date-time' }, 'today', ['v: Invalid value: "today": v in body must be of type date-time: "today"']],
    [{ type: 'string', format: 'ipv4' }, '10.0.0.1', []],
    [{ type: 'string', format: 'anything-else' }, 'x', []],
    [{ type: 'string', enum: ['b', 'a'] }, 'c', ['v: Unsupported value: "c": supported values: "b", "a"']],
    [{ type: 'array', items: { type: 'string' }, minItems: 1 }, [], ['v: Invalid value: 0: v in body should have at least 1 items']],
    [{ type: 'array', items: { type: 'string' }, maxItems: 1 }, ['a', 'b'], ['v: Too many: 2: must have at most 1 items']],
    [
      { type: 'array', items: { type: 'string' } },
      ['a', 1],
      ['v[1]: Invalid value: "integer": v[1] in body must be of type string: "integer"'],
    ],
    [
      {
        type: 'array',
        items: { type: 'object', properties: { k: { type: 'string' } } },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      },
      [{ k: 'a' }, { k: 'b' }, { k: 'a' }],
      ['v[2]: Duplicate value: {"k":"a"}'],
    ],
    [{ type: 'object', required: ['a'], properties: { a: { type: 'string' } } }, {}, ['v.a: Required value']],
    [
      { type: 'object', additionalProperties: { type: 'integer' } },
      { a: 'x' },
      ['v.a: Invalid value: "string": v.a in body must be of type integer: "string"'],
    ],
    [
      { type: 'object', additionalProperties: { type: 'integer' }, maxProperties: 1 },
      { a: 1, b: 2 },
      ['v: Too many: 2: must have at most 1 items'],
    ],
    [{ 'x-kubernetes-int-or-string': true }, true, ['v: Invalid value: "boolean": v in body must be of type integer,string: "boolean"']],
    [
      { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }], properties: { a: { type: 'string' }, b: { type: 'string' } } },
      { a: 'x', b: 'y' },
      ['<nil>: Invalid value: "": "v" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ],
    [
      { type: 'object', anyOf: [{ required: ['a'] }, { required: ['b', 'c'] }], properties: {} },
      {},
      ['<nil>: Invalid value: "": "v" must validate at least one schema (anyOf)', 'v.a: Required value'],
    ],
    [{ type: 'integer', not: { enum: [3] } }, 3, ['<nil>: Invalid value: "": "v" must not validate the schema (not)']],
    [
      { type: 'integer', allOf: [{ minimum: 1 }, { maximum: 5 }] },
      9,
      [
        'v: Invalid value: 9: v in body should be less than or equal to 5',
        '<nil>: Invalid value: "": "v" must validate all the schemas (allOf)',
      ],
    ],
  ] as readonly (readonly [JsonSchema, unknown, string[]])[]) {
    it(`judge ${JSON.stringify(value)} by ${JSON.stringify(schema)}`, () => assert.deepEqual(problems(schema, value), want))
  }

  it('leave alone what an update does not change', () => {
    const schema: JsonSchema = { type: 'object', properties: { a: { type: 'string', minLength: 5 }, b: { type: 'string', minLength: 5 } } }
    assert.deepEqual(problems(schema, { a: 'x', b: 'new' }, { a: 'x', b: 'old' }), [
      'v.b: Invalid value: "new": v.b in body should be at least 5 chars long',
    ])
  })

  it('find the old item of a map list by its key', () => {
    const schema: JsonSchema = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: { type: 'object', properties: { k: { type: 'string' }, n: { type: 'integer', maximum: 1 } } },
    }
    assert.deepEqual(
      problems(
        schema,
        [
          { k: 'new', n: 0 },
          { k: 'a', n: 5 },
        ],
        [{ k: 'a', n: 5 }],
      ),
      [],
    )
  })
})

describe('defaults', () => {
  const fill = (schema: JsonSchema, value: unknown): unknown => {
    compileDefaults(schema)?.(value)
    return value
  }
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      a: { type: 'string', default: 'x' },
      n: { type: 'string', nullable: true, default: 'x' },
      deep: { type: 'object', default: {}, properties: { b: { type: 'integer', default: 3 } } },
      list: { type: 'array', items: { type: 'object', properties: { c: { type: 'array', items: { type: 'string' }, default: ['d'] } } } },
      map: { type: 'object', additionalProperties: { type: 'object', properties: { e: { type: 'boolean', default: false } } } },
    },
  }

  it('fill what is absent, also below defaults, items and values', () => {
    const value = { list: [{}, { c: [] }], map: { k: {} } }
    assert.deepEqual(fill(schema, value), { a: 'x', n: 'x', deep: { b: 3 }, list: [{ c: ['d'] }, { c: [] }], map: { k: { e: false } } })
  })

  it('stand in for null only where null is not allowed', () => {
    assert.deepEqual(fill(schema, { a: null, n: null, deep: { b: 0 } }), { a: 'x', n: null, deep: { b: 0 } })
  })

  it('are copies', () => {
    const [one, two] = [{}, {}].map((value) => fill(schema, value) as { deep: { b: number } })
    if (one !== undefined) one.deep.b = 9
    assert.equal(two?.deep.b, 3)
  })

  it('cost nothing where there are none', () =>
    assert.equal(compileDefaults({ type: 'object', properties: { a: { type: 'string' } } }), undefined))
})

describe('toObjectSchema', () => {
  it('adds apiVersion, kind and metadata, and knows what is kept', () => {
    const schema = toObjectSchema({
      type: 'object',
      properties: {
        metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 5 } } },
        spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        any: { 'x-kubernetes-preserve-unknown-fields': true },
        ports: {
          type: 'array',
          items: { type: 'object', properties: {} },
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['p'],
        },
        template: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
      },
    })
    const at = (name: string) => schema.fields.get(name)?.schema
    assert.deepEqual([...schema.fields.keys()], ['kind', 'apiVersion', 'metadata', 'spec', 'any', 'ports', 'template'])
    assert.equal((at('metadata') as { name?: string }).name, 'meta_v1.ObjectMeta')
    assert.deepEqual(at('spec'), { type: 'object', fields: new Map(), preserveUnknown: true })
    assert.deepEqual(at('any'), { type: 'any', granular: true })
    assert.deepEqual((at('ports') as { listMapKeys?: unknown }).listMapKeys, ['p'])
    const template = at('template')
    assert.deepEqual(template?.type === 'object' && [...template.fields.keys()], ['kind', 'apiVersion', 'metadata'])
  })

  it('keeps everything of a kind without a schema', () => assert.equal(toObjectSchema(undefined).preserveUnknown, true))
})

describe('embedded resources', () => {
  it('need a type', () => {
    const schema: JsonSchema = {
      type: 'object',
      properties: { list: { type: 'array', items: { type: 'object', 'x-kubernetes-embedded-resource': true } } },
    }
    const errors: { field: string; message: string }[] = []
    embeddedRule(schema)?.({ list: [{ apiVersion: 'v1', kind: 'Pod' }, { kind: 'Bad Kind' }] }, '', errors as never)
    assert.deepEqual(
      errors.map(({ field }) => field),
      ['list[1].apiVersion', 'list[1].kind'],
    )
  })
})
