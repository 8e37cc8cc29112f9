import assert from 'node:assert/strict'
import { it } from 'node:test'
import { kubeletConfiguration } from './kubelet-configuration.ts'
import { readKubeletOptions } from './kubelet-options.ts'
import type { AgentSettings } from './settings.ts'

it('the configuration of the node shows what is in force, under the names of the kubelet', () => {
  const settings = { kubeletPort: 10_250, clusterDns: '10.43.0.10', clusterDomain: 'cluster.local' } as unknown as AgentSettings
  const { kubeletconfig } = kubeletConfiguration(readKubeletOptions({ 'max-pods': '20' }), settings) as {
    readonly kubeletconfig: Readonly<Record<string, unknown>>
  }
  assert.equal(kubeletconfig['maxPods'], 20)
  assert.deepEqual(kubeletconfig['clusterDNS'], ['10.43.0.10'])
  assert.equal(kubeletconfig['nodeStatusReportFrequency'], '300s')
  assert.equal(kubeletconfig['containerLogMaxSize'], '10485760')
})
