import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endpointsOf } from './endpoints.ts'

const urls = (...args: Parameters<typeof endpointsOf>): readonly string[] => endpointsOf(...args).map(({ url }) => url.href)

describe('endpointsOf', () => {
  it('asks the registry itself when nothing is configured, where the hub really lives', () => {
    assert.deepEqual(urls('docker.io', {}, true), ['https://registry-1.docker.io/v2'])
    assert.deepEqual(urls('127.0.0.1:5000', {}, true), ['http://127.0.0.1:5000/v2'])
  })

  it('asks mirrors first, and only them when the default endpoint is off', () => {
    const file = { mirrors: { 'docker.io': { endpoint: ['https://a.example', 'http://b.example:5000/hub'] } } }
    const mirrors = ['https://a.example/v2', 'http://b.example:5000/hub']
    assert.deepEqual(urls('docker.io', file, true), [...mirrors, 'https://registry-1.docker.io/v2'])
    assert.deepEqual(urls('docker.io', file, false), mirrors)
  })

  it('asks the mirror of all registries for those without an entry of their own', () => {
    const file = { mirrors: { '*': { endpoint: ['https://all.example'] }, 'own.example': null }, configs: { 'tls.example': null } }
    assert.deepEqual(urls('docker.io', file, false), ['https://all.example/v2'])
    assert.deepEqual(urls('own.example', file, false), ['https://own.example/v2'])
    assert.deepEqual(urls('tls.example', file, false), ['https://tls.example/v2'])
  })

  it('gives each endpoint the login and certificates of its own host alone', () => {
    const [mirror, hub] = endpointsOf(
      'docker.io',
      {
        mirrors: { 'docker.io': { endpoint: ['https://a.example:8443'] } },
        configs: { 'a.example:8443': { auth: { username: 'u' }, tls: { ca_file: '/ca' } }, 'docker.io': { auth: { username: 'hub' } } },
      },
      true,
    )
    assert.deepEqual([mirror?.auth?.username, mirror?.tls?.ca_file], ['u', '/ca'])
    assert.deepEqual([hub?.auth?.username, hub?.tls], ['hub', undefined])
  })
})
