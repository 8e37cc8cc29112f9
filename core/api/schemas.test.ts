import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ListSchema, MapSchema, ObjectSchema, Schema } from '../meta/schema.ts'
import { KIND_TABLE } from './kind-table.ts'
import { messageNames, schemaFor, schemaOf } from './schemas.ts'

function at(schema: Schema, path: string): Schema {
  return path.split('.').reduce((current: Schema, key) => {
    if (current.type === 'object') {
      const field = current.fields.get(key)
      assert.ok(field, `no field ${key} of ${path}`)
      return field.schema
    }
    return current.type === 'list' ? current.items : (current as MapSchema).values
  }, schema)
}

describe('schemaOf', () => {
  it('knows the fields of every message in the table', () => {
    for (const name of messageNames()) assert.ok(schemaOf(name).fields instanceof Map, name)
  })

  it('gives one object for one name, and refuses unknown ones', () => {
    assert.equal(schemaOf('core_v1.Pod'), schemaOf('core_v1.Pod'))
    assert.throws(() => schemaOf('core_v1.Nothing'), /no schema named core_v1.Nothing/)
  })

  it('starts objects with kind and apiVersion, in the order Go writes', () => {
    assert.deepEqual([...schemaOf('core_v1.Pod').fields.keys()], ['kind', 'apiVersion', 'metadata', 'spec', 'status'])
  })

  it('flattens inlined messages and keeps their protobuf path', () => {
    const volume = schemaOf('core_v1.Volume')
    assert.deepEqual(volume.fields.get('configMap')?.proto, { num: 19, path: [2] })
    assert.equal(schemaOf('core_v1.ConfigMapVolumeSource').fields.get('name')?.proto?.path?.[0], 1)
  })

  it('tells pointers, plain structs and required fields apart', () => {
    const spec = schemaOf('apps_v1.DeploymentSpec').fields
    assert.deepEqual([spec.get('replicas')?.pointer, spec.get('replicas')?.always], [true, false])
    assert.deepEqual([spec.get('strategy')?.pointer, spec.get('strategy')?.always], [false, true])
    assert.equal(spec.get('selector')?.required, true)
    assert.deepEqual(spec.get('strategy')?.patchStrategy, ['retainKeys'])
  })

  it('carries list types, merge keys and enums', () => {
    const ports = at(schemaOf('core_v1.Container'), 'ports') as ListSchema
    assert.deepEqual([ports.listType, ports.listMapKeys], ['map', ['containerPort', 'protocol']])
    assert.equal(schemaOf('core_v1.Container').fields.get('ports')?.patchMergeKey, 'containerPort')
    const protocol = at(ports, 'items.protocol')
    assert.deepEqual(protocol, { type: 'string', enum: ['TCP', 'UDP', 'SCTP'], default: 'TCP' })
  })

  it('lets a field override the granularity of its struct', () => {
    assert.equal((at(schemaOf('core_v1.Event'), 'involvedObject') as ObjectSchema).atomic, true)
    assert.equal((at(schemaOf('core_v1.PersistentVolumeSpec'), 'claimRef') as ObjectSchema).atomic, false)
  })

  it('maps messages with their own JSON form to scalars', () => {
    assert.equal(at(schemaOf('core_v1.Pod'), 'metadata.creationTimestamp').type, 'time')
    assert.equal(at(schemaOf('core_v1.Container'), 'resources.limits.cpu').type, 'quantity')
    assert.equal(at(schemaOf('core_v1.ServicePort'), 'targetPort').type, 'int-or-string')
    assert.equal(at(schemaOf('meta_v1.ManagedFieldsEntry'), 'fieldsV1').type, 'any')
    assert.equal((at(schemaOf('authorization.k8s.io_v1.SubjectAccessReviewSpec'), 'extra.x') as ListSchema).wrapped, true)
  })

  it('follows a schema into itself', () => {
    const props = schemaOf('apiextensions.k8s.io_v1.JSONSchemaProps')
    assert.equal(at(props, 'properties.a.properties.b'), props)
    const items = at(props, 'items')
    assert.equal(items.type === 'any' && items.form, 'schema-or-array')
  })
})

describe('schemaFor', () => {
  it('finds every kind of the table', () => {
    for (const kind of KIND_TABLE) assert.equal(schemaFor(kind), schemaOf(kind.schema), kind.kind)
  })

  it('answers undefined for what is not built in', () => {
    assert.equal(schemaFor({ group: 'example.com', version: 'v1', kind: 'Pod' }), undefined)
    assert.equal(schemaFor({ group: '', version: 'v1', kind: 'Nothing' }), undefined)
  })
})

describe('KIND_TABLE', () => {
  it('serves 68 kinds by default, each with a list kind where it can be listed', () => {
    assert.equal(KIND_TABLE.filter((kind) => kind.served).length, 68)
    for (const kind of KIND_TABLE) assert.equal(kind.verbs.includes('list'), kind.listKind !== '', `${kind.group} ${kind.kind}`)
  })
})
