import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ServerConfig } from '../config/config.ts'
import { fillTemplate, templateVariables } from './staging.ts'

const config = {
  clusterDns: '10.43.0.10',
  clusterDomain: 'cluster.local',
  defaultLocalStoragePath: '/s',
  systemDefaultRegistry: '',
  componentImages: 'auto',
} as unknown as ServerConfig

it('fills packaged files in and leaves what helm jobs fill in later', () => {
  const variables = templateVariables(config, { coredns: 'i:1' })
  assert.equal(
    fillTemplate('%{CLUSTER_DNS}% %{IMAGE_coredns}% %{KUBERNETES_API}% %{NONSENSE}%', variables),
    '10.43.0.10 i:1 %{KUBERNETES_API}% %{NONSENSE}%',
  )
})
