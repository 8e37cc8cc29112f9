import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import protobuf from 'protobufjs'
import { decodeObject } from '../../meta/decode/decode.ts'
import type { Schema } from '../../meta/schema.ts'
import { KIND_TABLE } from '../kind-table.ts'
import { messageNames, messageRow, schemaOf } from '../schemas.ts'
import { readMessage } from './message.ts'
import {
  decodeProtobuf,
  encodeMessage,
  encodeProtobuf,
  encodeProtobufList,
  encodeWatchFrame,
  openEnvelope,
  ProtobufError,
  protobufType,
} from './protobuf.ts'

const protoDir = join(import.meta.dirname, '../../../proto')
const googleDir = join(import.meta.dirname, '../../../node_modules/protobufjs')

/** The independent codec: protobufjs over the same description. */
function oracle(): protobuf.Root {
  const root = new protobuf.Root()
  root.resolvePath = (_, target) => (target.startsWith('/') ? target : join(target.startsWith('google') ? googleDir : protoDir, target))
  const files = readdirSync(join(protoDir, 'k8s'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.proto'))
  root.loadSync(
    files.map((name) => join(protoDir, 'k8s', name)),
    { keepCase: true },
  )
  root.resolveAll()
  return root
}

const root = oracle()
const PACKAGES = new Map<string, string>()
for (const type of allTypes(root)) {
  const stem = (type.parent as protobuf.Namespace & { parsedOptions?: Record<string, { stem?: string }>[] }).parsedOptions?.[0]?.[
    '(k3ts.api)'
  ]?.stem
  if (stem !== undefined) PACKAGES.set(`${stem}.${type.name}`, type.fullName)
}

function allTypes(namespace: protobuf.NamespaceBase): protobuf.Type[] {
  return namespace.nestedArray.flatMap((entry) =>
    entry instanceof protobuf.Type ? [entry] : entry instanceof protobuf.Namespace ? allTypes(entry) : [],
  )
}

/** Small deterministic generator of schema-shaped JSON. */
function generator(seed: number): (schema: Schema, depth: number) => unknown {
  let state = seed
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const pick = <T>(values: readonly T[]): T => values[next(values.length)] as T
  const scalars: Readonly<Record<string, readonly unknown[]>> = {
    string: ['', 'a', 'grüße ✓', 'x'.repeat(200)],
    boolean: [true, false],
    int32: [0, 1, -1, 127, 128, 300, -(2 ** 31), 2 ** 31 - 1],
    int64: [0, 1, -1, 2 ** 40, -(2 ** 40), Number.MAX_SAFE_INTEGER],
    uint32: [0, 1, 2 ** 32 - 1],
    double: [0, 1.5, -2.25e10],
    bytes: ['', 'aGVsbG8=', '/+8='],
    quantity: ['0', '100m', '1Gi', '2'],
    time: ['2024-01-01T00:00:00Z', '1969-12-31T23:59:59Z'],
    'micro-time': ['2024-01-01T00:00:00.123456Z', '2024-01-01T00:00:00.000000Z'],
    duration: ['1m0s', '1.5s', '0s'],
    'int-or-string': [0, 80, -1, 'http', '25%', ''],
  }
  const generate = (schema: Schema, depth: number): unknown => {
    if (schema.type === 'object') {
      const entries = [...schema.fields.values()].filter((field) => field.proto !== undefined && (depth < 7 ? next(3) > 0 : field.required))
      return Object.fromEntries(entries.map((field) => [field.name, generate(field.schema, depth + 1)]))
    }
    const count = depth < 7 ? next(3) : 0
    if (schema.type === 'list') return Array.from({ length: count }, () => generate(schema.items, depth + 1))
    if (schema.type === 'map')
      return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${9 - i}`, generate(schema.values, depth + 1)]))
    if (schema.type !== 'any') return pick(scalars[schema.type] ?? [])
    if (schema.object === undefined) return pick([{ a: [1, 'x'] }, 'text', 5, true])
    const object = depth < 4 ? generate(schema.object, depth + 4) : { type: 'string' }
    if (schema.form === 'schema-or-bool') return pick([true, false, object])
    return pick([object, schema.form === 'schema-or-array' ? [object, object] : ['a', 'b']])
  }
  return generate
}

const TYPES = messageNames().filter((name) => {
  const [form, flags] = messageRow(name)
  return form === '' && !flags.includes('j') && name !== 'runtime.Unknown'
})

describe('the table-driven codec', () => {
  it('gives the bytes that protobufjs gives, for random objects of every message', () => {
    for (const [index, name] of TYPES.entries()) {
      const type = root.lookupType(PACKAGES.get(name) ?? name)
      for (let round = 0; round < 3; round += 1) {
        const object = decodeObject(generator(index * 31 + round)(schemaOf(name), 0), schemaOf(name)).object
        const ours = encodeMessage(name, object)
        const theirs = type.encode(type.decode(ours)).finish()
        assert.deepEqual(Buffer.from(ours), Buffer.from(theirs), name)
      }
    }
  })

  it('reads back what it wrote, for random objects of every message', () => {
    for (const [index, name] of TYPES.entries()) {
      for (let round = 0; round < 3; round += 1) {
        const object = decodeObject(generator(index * 17 + round)(schemaOf(name), 0), schemaOf(name)).object
        const again = readMessage(name, encodeMessage(name, object), () => undefined)
        assert.deepEqual(decodeObject(again, schemaOf(name)).object, object, name)
      }
    }
  })

  it('writes scalars and plain structs also when they are empty, and pointers only when set', () => {
    const type = root.lookupType('k8s.io.api.apps.v1.DeploymentSpec')
    const shown = type.toObject(type.decode(encodeMessage('apps_v1.DeploymentSpec', {})))
    assert.deepEqual(Object.keys(shown).sort(), ['minReadySeconds', 'paused', 'strategy', 'template'])
  })

  it('skips fields it does not know', () => {
    const extra = Uint8Array.of(0xf8, 0x3f, 0x01, 0xfa, 0x3f, 0x02, 0x41, 0x42, 0xf9, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0, 0xfd, 0x3f, 0, 0, 0, 0)
    const bytes = Buffer.concat([encodeMessage('core_v1.ConfigMap', { data: { a: 'b' }, immutable: false }), extra])
    const { object } = decodeObject(
      readMessage('core_v1.ConfigMap', bytes, () => undefined),
      schemaOf('core_v1.ConfigMap'),
    )
    assert.deepEqual(object, { metadata: {}, data: { a: 'b' }, immutable: false })
  })

  it('answers every truncated or damaged body with ProtobufError or an object', () => {
    const whole = encodeProtobuf({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a' },
      spec: { containers: [{ name: 'c', resources: {} }] },
    } as never)
    for (let end = 0; end < whole.length; end += 1) assertHarmless(whole.slice(0, end))
    for (let at = 4; at < whole.length; at += 1) {
      for (const byte of [0, 0x7f, 0x80, 0xff]) assertHarmless(Uint8Array.from(whole, (old, index) => (index === at ? byte : old)))
    }
  })

  it('refuses nesting that could exhaust the stack', () => {
    const [, , ...fields] = messageRow('apiextensions.k8s.io_v1.JSONSchemaProps')
    const not = (fields.find(([name]) => name === 'not')?.[2] ?? 0) * 8 + 2
    let bytes = encodeMessage('apiextensions.k8s.io_v1.JSONSchemaProps', { type: 'string' })
    for (let i = 0; i < 5000; i += 1) bytes = Buffer.concat([lengthPrefix(not), lengthPrefix(bytes.length), bytes])
    assert.throws(() => readMessage('apiextensions.k8s.io_v1.JSONSchemaProps', bytes, () => undefined), ProtobufError)
  })
})

function lengthPrefix(value: number): Uint8Array {
  return protobuf.Writer.create().uint32(value).finish()
}

function assertHarmless(bytes: Uint8Array): void {
  try {
    decodeProtobuf(bytes)
  } catch (err) {
    assert.ok(err instanceof ProtobufError, String(err))
  }
}

describe('the envelope', () => {
  const configMap = {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'a', creationTimestamp: '2024-01-01T00:00:00Z' },
    data: { k: 'v' },
  }

  it('carries type and object', () => {
    const bytes = encodeProtobuf(configMap)
    assert.deepEqual([...bytes.subarray(0, 4)], [0x6b, 0x38, 0x73, 0])
    assert.deepEqual(decodeProtobuf(bytes), configMap)
    const { apiVersion, kind, contentType } = openEnvelope(bytes)
    assert.deepEqual([apiVersion, kind, contentType], ['v1', 'ConfigMap', ''])
  })

  it('takes the type from the caller when it names none', () => {
    const raw = encodeMessage('core_v1.ConfigMap', configMap)
    const bare = Buffer.concat([Uint8Array.of(0x6b, 0x38, 0x73, 0, 0x12), lengthPrefix(raw.length), raw])
    assert.deepEqual(decodeProtobuf(bare, configMap), configMap)
  })

  const field = (number: number, content: Uint8Array): Uint8Array =>
    Buffer.concat([Uint8Array.of(number * 8 + 2), lengthPrefix(content.length), content])
  const envelopeOf = (kind: string, raw: Uint8Array, contentType = ''): Uint8Array =>
    Buffer.concat([
      Uint8Array.of(0x6b, 0x38, 0x73, 0),
      field(1, Buffer.concat([field(1, Buffer.from(kind === 'ControllerRevision' ? 'apps/v1' : 'v1')), field(2, Buffer.from(kind))])),
      field(2, raw),
      field(4, Buffer.from(contentType)),
    ])

  it('reads JSON content by the schema of the kind that it names', () => {
    const json = (value: object, kind = 'ConfigMap'): unknown =>
      decodeProtobuf(envelopeOf(kind, Buffer.from(JSON.stringify(value)), 'application/json'))
    assert.deepEqual(json({ ...configMap, zap: 1 }), configMap)
    assert.throws(() => json({ data: 5 }), ProtobufError)
    assert.throws(() => json({ apiVersion: 'v1', kind: 'ConfigMap', data: 5 }, 'Foo'), ProtobufError)
  })

  it('bounds envelopes within envelopes, and JSON within them', () => {
    const nested = (levels: number): Uint8Array =>
      levels === 0 ? Buffer.from('{}') : envelopeOf('ControllerRevision', field(2, field(1, nested(levels - 1))))
    assert.equal(decodeProtobuf(nested(5))['kind'], 'ControllerRevision')
    assert.throws(() => decodeProtobuf(nested(50)), /nested too deep/)
    const deep = envelopeOf('ControllerRevision', field(2, field(1, Buffer.from('['.repeat(5_000) + ']'.repeat(5_000)))))
    assert.throws(() => decodeProtobuf(deep), /exceeded max depth/)
  })

  it('finds kinds of meta/v1 in every group, and no form for Table and custom kinds', () => {
    assert.equal(protobufType({ apiVersion: 'apps/v1', kind: 'DeleteOptions' }), 'meta_v1.DeleteOptions')
    assert.equal(protobufType({ apiVersion: 'v1', kind: 'Status' }), 'meta_v1.Status')
    assert.equal(protobufType({ apiVersion: 'meta.k8s.io/v1', kind: 'Table' }), undefined)
    assert.equal(protobufType({ apiVersion: 'example.com/v1', kind: 'Foo' }), undefined)
    assert.throws(() => encodeProtobuf({ apiVersion: 'example.com/v1', kind: 'Foo' }), ProtobufError)
  })

  it('joins encoded items to the list that encoding the whole gives', () => {
    const items = [configMap, { ...configMap, data: {} }].map(({ metadata, data }) => ({ metadata, data }))
    const list = { kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: '7' } }
    const joined = encodeProtobufList(
      list,
      items.map((item) => encodeMessage('core_v1.ConfigMap', item)),
    )
    assert.deepEqual(joined, encodeProtobuf({ ...list, items } as never))
    for (const kind of KIND_TABLE.filter(({ listKind }) => listKind !== '')) {
      const [, , ...fields] = messageRow(`${kind.schema.slice(0, kind.schema.lastIndexOf('.'))}.${kind.listKind}`)
      assert.deepEqual(
        fields.map(([name, , num]) => `${name}=${num}`),
        ['metadata=1', 'items=2'],
        kind.listKind,
      )
    }
  })

  it('frames watch events', () => {
    const object = encodeProtobuf(configMap)
    const frame = Buffer.from(encodeWatchFrame('ADDED', object))
    assert.equal(frame.readUInt32BE(), frame.length - 4)
    const event = readMessage('meta_v1.WatchEvent', frame.subarray(4), decodeProtobuf)
    assert.deepEqual(event, { type: 'ADDED', object: configMap })
  })
})
