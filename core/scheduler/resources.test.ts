import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod } from '../api/types/core-v1.ts'
import { podRequests } from './resources.ts'

const container = (cpu?: string, restartPolicy?: string): object => ({
  name: 'c',
  resources: cpu === undefined ? {} : { requests: { cpu } },
  restartPolicy,
})
const cpuOf = (spec: object, nonZero = false): number | undefined =>
  podRequests({ spec: { containers: [], ...spec } } as unknown as Pod, nonZero).get('cpu')

describe('podRequests', () => {
  const cases: readonly [string, object, number | undefined][] = [
    ['sums containers', { containers: [container('1'), container('500m')] }, 1500],
    [
      'takes the largest init container when it is more',
      { containers: [container('1')], initContainers: [container('3'), container('2')] },
      3000,
    ],
    ['adds sidecars to the containers', { containers: [container('1')], initContainers: [container('1', 'Always')] }, 2000],
    [
      'adds earlier sidecars to an init container',
      { containers: [container('1')], initContainers: [container('1', 'Always'), container('5')] },
      6000,
    ],
    [
      'leaves out sidecars that start later',
      { containers: [container('1')], initContainers: [container('5'), container('1', 'Always')] },
      5000,
    ],
    ['adds overhead', { containers: [container('1')], overhead: { cpu: '250m' } }, 1250],
    ['prefers what the pod asks for as a whole', { containers: [container('1')], resources: { requests: { cpu: '4' } } }, 4000],
    ['is nothing without requests', { containers: [container()] }, undefined],
  ]
  for (const [name, spec, want] of cases) it(name, () => assert.equal(cpuOf(spec), want))
  it('counts a container without requests as a tenth of a cpu for scores', () => {
    assert.equal(cpuOf({ containers: [container(), container('1')] }, true), 1100)
  })
})
