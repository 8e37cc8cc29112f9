import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod } from '../../api/types/core-v1.ts'
import type { ContainerStats } from '../cri/types.ts'
import { containerMetrics } from './container-metrics.ts'
import { labelText } from './prometheus.ts'

const pod = {
  metadata: { name: 'web-1', namespace: 'shop', uid: 'u' },
  spec: { containers: [{ name: 'main', resources: {} }] },
  status: { containerStatuses: [{ name: 'main', image: 'i:1', state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }] },
} as unknown as Pod
const stats: ContainerStats = {
  id: 'abc',
  name: 'main',
  labels: { 'io.kubernetes.container.name': 'main' },
  cpu: { timestampMs: 5, usageCoreNanoSeconds: 2e9 },
  memory: { timestampMs: 5, workingSetBytes: 100 },
}
const network = { id: 's', labels: {}, timestampMs: 6, interfaces: [{ name: 'eth0', rxBytes: 1, rxErrors: 0, txBytes: 2, txErrors: 0 }] }
const text = containerMetrics({
  pods: [{ pod, cgroup: '/kubepods/podu', containers: [stats], network, limitsOf: () => ({ cpuShares: 2 }) }],
  node: { cpuNanoSeconds: 7e9, memoryWorkingSetBytes: 70, memoryAvailableBytes: 0, bootedAtMs: 0 },
  memoryBytes: 1000,
  processors: 2,
  nowMs: 9,
})
const lines = text.split('\n')

describe('metrics of containers', () => {
  it("are those of each container, of its pod and of the node, under cAdvisor's labels", () => {
    const of = '{container="main",cpu="total",id="/kubepods/podu/abc",image="i:1",name="abc",namespace="shop",pod="web-1"} 2 5'
    assert.ok(lines.includes(`container_cpu_usage_seconds_total${of}`), text)
    const whole = '{container="",cpu="total",id="/kubepods/podu",image="",name="",namespace="shop",pod="web-1"} 2 9'
    assert.ok(lines.includes(`container_cpu_usage_seconds_total${whole}`))
    assert.ok(lines.includes('container_memory_working_set_bytes{container="",id="/",image="",name="",namespace="",pod=""} 70 9'))
    assert.ok(lines.some((line) => line.startsWith('container_spec_cpu_shares{') && line.endsWith(' 2 5')))
    assert.ok(lines.includes('machine_cpu_cores 2'))
  })
  it('count the network once for each pod', () => {
    const received = lines.filter((line) => line.startsWith('container_network_receive_bytes_total{'))
    assert.deepEqual(received, [
      'container_network_receive_bytes_total{container="",id="/kubepods/podu",image="",interface="eth0",name="s",namespace="shop",pod="web-1"} 1 6',
    ])
  })
  it('leave out what is not known', () => {
    assert.ok(!text.includes('container_memory_rss'))
  })
})

describe('labels', () => {
  it('are escaped', () => {
    assert.equal(labelText({ a: 'x"y\\z\n' }), '{a="x\\"y\\\\z\\n"}')
  })
})
