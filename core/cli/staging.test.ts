import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ServerConfig } from '../config/config.ts'
import { chooseImages, fillTemplate, templateVariables } from './staging.ts'

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

it('uses embedded images unless a registry was named or public ones were asked for', () => {
  assert.match(chooseImages(config, 'v1')['coredns'] ?? '', /^embedded\.k3ts\.internal\/k3ts\/coredns:/)
  assert.match(chooseImages({ ...config, componentImages: 'upstream' }, 'v1')['coredns'] ?? '', /^rancher\/mirrored-coredns/)
  assert.match(chooseImages({ ...config, systemDefaultRegistry: 'r.example' }, 'v1')['pause'] ?? '', /^r\.example\/rancher\/mirrored-pause/)
  assert.match(
    chooseImages({ ...config, systemDefaultRegistry: 'r.example', componentImages: 'embedded' }, 'v1')['pause'] ?? '',
    /^embedded/,
  )
})
