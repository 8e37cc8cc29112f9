import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Pod } from '../../api/types/core-v1.ts'
import { fieldValue, type NodeFacts, resourceValue } from './field-ref.ts'

const node: NodeFacts = { nodeName: 'n1', hostIps: ['192.0.2.1'], allocatable: { cpu: '2', memory: '8Gi' } }
const pod = {
  metadata: { name: 'p', namespace: 'ns', uid: 'u1', labels: { b: '2', a: 'say "hi"' }, annotations: {} },
  spec: { containers: [{ name: 'c', resources: { limits: { cpu: '1500m' }, requests: { memory: '100Mi' } } }] },
  status: { podIPs: [{ ip: '10.42.0.2' }], podIP: '10.42.0.2' },
} as unknown as Pod

const fields: readonly (readonly [string, string | undefined])[] = [
  ['metadata.name', 'p'],
  ['metadata.uid', 'u1'],
  ["metadata.labels['b']", '2'],
  ["metadata.labels['none']", ''],
  ['metadata.labels', 'a="say \\"hi\\""\nb="2"'],
  ['spec.nodeName', 'n1'],
  ['status.hostIP', '192.0.2.1'],
  ['status.podIPs', '10.42.0.2'],
  ['spec.nonsense', undefined],
]
for (const [fieldPath, want] of fields) {
  it(`reads ${fieldPath}`, () => {
    assert.equal(fieldValue(pod, { fieldPath }, node), want)
  })
}

const resources: readonly (readonly [string, string | undefined, string | undefined])[] = [
  ['limits.cpu', undefined, '2'],
  ['limits.cpu', '1m', '1500'],
  ['requests.memory', '1Mi', '100'],
  ['limits.memory', '1Gi', '8'],
  ['requests.cpu', '1m', '0'],
  ['limits.gpu', undefined, undefined],
]
for (const [resource, divisor, want] of resources) {
  it(`reads ${resource} in units of ${divisor ?? '1'}`, () => {
    assert.equal(resourceValue(pod, { resource, divisor, containerName: 'c' }, node), want)
  })
}
