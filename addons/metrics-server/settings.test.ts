import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Node } from '../../core/api/types/core-v1.ts'
import { addressOf } from './kubelets.ts'
import { readSettings } from './settings.ts'

describe('readSettings', () => {
  it('reads what the packaged manifest gives, and leaves the rest alone', () => {
    const args = ['--cert-dir=/tmp', '--secure-port=10250', '--kubelet-preferred-address-types=InternalIP,Hostname']
    assert.deepEqual(readSettings([...args, '--kubelet-use-node-status-port', '--metric-resolution=15s', '--tls-cipher-suites=X']), {
      port: 10250,
      resolutionMs: 15_000,
      addressTypes: ['InternalIP', 'Hostname'],
      verifyKubelet: true,
    })
  })

  it('has the defaults of the public program, and its other switches', () => {
    assert.partialDeepStrictEqual(readSettings([]), { port: 443, resolutionMs: 60_000, kubeletPort: 10250 })
    assert.partialDeepStrictEqual(
      readSettings(['--kubelet-insecure-tls', '--kubelet-port', '1234', '--tls-cert-file=/c', '--tls-private-key-file=/k']),
      { verifyKubelet: false, kubeletPort: 1234, certificate: { certFile: '/c', keyFile: '/k' } },
    )
  })

  it('names a value that cannot be used', () => {
    assert.throws(() => readSettings(['--metric-resolution=1s']), /--metric-resolution: want a duration of at least 10s/)
    assert.throws(() => readSettings(['--secure-port=https']), /--secure-port: want a port/)
  })
})

describe('addressOf', () => {
  it('takes the kind that comes first in the list', () => {
    const addresses = [
      { type: 'Hostname', address: 'n1' },
      { type: 'InternalIP', address: '192.0.2.1' },
    ]
    const node = { status: { addresses } } as unknown as Node
    assert.equal(addressOf(node, ['ExternalIP', 'InternalIP', 'Hostname']), '192.0.2.1')
    assert.equal(addressOf(node, ['ExternalIP']), undefined)
  })
})
