import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NodeCondition } from '../../api/types/core-v1.ts'
import type { AgentSettings } from '../settings.ts'
import { buildNode, conditionsOf, parseTaint, sameConditions } from './build.ts'
import { allocatableOf } from './facts.ts'

const settings = {
  nodeName: 'n1',
  nodeIp: '192.0.2.1',
  nodeLabels: ['tier=edge', 'bare'],
  nodeTaints: ['dedicated=db:NoExecute'],
  hasCloudController: true,
} as unknown as AgentSettings
const calm = { memory: false, disk: false, pid: false }

describe('a node', () => {
  it('registers with the labels and taints of the user and those of the system', () => {
    const node = buildNode(settings)
    assert.equal(node.metadata?.labels?.['tier'], 'edge')
    assert.equal(node.metadata.labels['bare'], '')
    assert.equal(node.metadata.labels['kubernetes.io/hostname'], 'n1')
    assert.equal('node-role.kubernetes.io/control-plane' in node.metadata.labels, false)
    assert.deepEqual(
      node.spec?.taints?.map(({ key }) => key),
      ['dedicated', 'node.cloudprovider.kubernetes.io/uninitialized'],
    )
    assert.equal(node.metadata.annotations?.['k3s.io/internal-ip'], '192.0.2.1')
  })

  it('refuses taints of another form', () => {
    assert.throws(() => parseTaint('oops'), /--node-taint: "oops"/)
    assert.deepEqual(parseTaint('a:NoSchedule'), { key: 'a', effect: 'NoSchedule' })
  })

  it('keeps the time of the last change while a condition stays, and conditions of others', () => {
    const old = [
      { type: 'Ready', status: 'True', lastTransitionTime: 'then' },
      { type: 'NetworkUnavailable', status: 'False' },
    ] as unknown as NodeCondition[]
    const ready = conditionsOf({ problems: [], pressure: calm }, old, 'now')
    assert.equal(ready.find((c) => c.type === 'Ready')?.lastTransitionTime, 'then')
    assert.ok(ready.some((c) => c.type === 'NetworkUnavailable'))
    const broken = conditionsOf({ problems: ['no runtime'], pressure: calm }, ready, 'later')
    const condition = broken.find((c) => c.type === 'Ready')
    assert.deepEqual(
      [condition?.status, condition?.reason, condition?.message, condition?.lastTransitionTime],
      ['False', 'KubeletNotReady', 'no runtime', 'later'],
    )
    assert.equal(sameConditions(ready, conditionsOf({ problems: [], pressure: calm }, ready, 'even later')), true)
  })

  it('keeps back what is reserved', () => {
    const options = {
      systemReserved: { cpu: '200m' },
      kubeReserved: { memory: '256Mi' },
      evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%' },
    }
    const got = allocatableOf({ cpu: '2', memory: '1048576Ki', 'ephemeral-storage': '1000Ki', pods: '110' }, options)
    assert.deepEqual(got, { cpu: '1800m', memory: `${1048576 - 356 * 1024}Ki`, 'ephemeral-storage': String(900 * 1024), pods: '110' })
  })
})
