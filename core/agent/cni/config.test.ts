import assert from 'node:assert/strict'
import { it } from 'node:test'
import { buildNetwork } from './config.ts'

it('hands out addresses of the node network on a bridge that lets pods reach themselves', () => {
  const list = JSON.parse(buildNetwork({ podCidr: '10.42.3.0/24', bridge: 'cni0', mtu: 1400, leaseDir: '/leases' })) as {
    plugins: Record<string, unknown>[]
  }
  const [bridge] = list.plugins
  assert.equal(bridge?.['hairpinMode'], true)
  assert.equal(bridge['mtu'], 1400)
  assert.deepEqual(bridge['ipam'], { type: 'host-local', ranges: [[{ subnet: '10.42.3.0/24' }]], dataDir: '/leases' })
})
