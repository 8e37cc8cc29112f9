import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeObject } from '../meta/decode/decode.ts'
import { messageNames, schemaOf } from './schemas.ts'

const decode = (name: string, value: unknown) => decodeObject(value, schemaOf(name))

describe('decoding with the generated schemas', () => {
  it('gives an empty object of every message its always-written fields, and is stable', () => {
    for (const name of messageNames()) {
      const { object, errors } = decode(name, {})
      assert.deepEqual(errors, [], name)
      assert.deepEqual(decode(name, structuredClone(object)).object, object, name)
    }
  })

  it('gives a Deployment the empty structs that Go writes', () => {
    const { object } = decode('apps_v1.Deployment', { spec: { template: { spec: { containers: [{ name: 'a' }] } } } })
    assert.deepEqual(object, {
      spec: { template: { metadata: {}, spec: { containers: [{ name: 'a', resources: {} }] } }, strategy: {} },
      metadata: {},
      status: {},
    })
  })

  it('looks into the schemas of a CustomResourceDefinition', () => {
    const props = { items: { tpe: 'x', type: 'string' }, additionalProperties: { foo: 1 }, not: { type: '' } }
    const { object, unknownFields } = decode('apiextensions.k8s.io_v1.JSONSchemaProps', props)
    assert.deepEqual(unknownFields, ['items.tpe', 'additionalProperties.foo'])
    assert.deepEqual(object, { items: { type: 'string' }, additionalProperties: {}, not: {} })
  })

  it('names upstream types in errors', () => {
    for (const [name, value, text] of [
      [
        'apps_v1.Deployment',
        { spec: { replicas: 'x' } },
        'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
      ],
      [
        'core_v1.Pod',
        { spec: { restartPolicy: 5 } },
        'json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy',
      ],
      [
        'core_v1.Pod',
        { spec: { containers: [{ env: [{ value: 1 }] }] } },
        'json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string',
      ],
      [
        'core_v1.Pod',
        { metadata: { uid: 1 } },
        'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.uid of type types.UID',
      ],
    ] as const) {
      assert.equal(decode(name, value).errors[0], text)
    }
  })
})
