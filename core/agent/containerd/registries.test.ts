import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { planRegistries } from './registries.ts'

describe('planRegistries', () => {
  it('asks mirrors in order and the registry itself last', () => {
    const { hosts } = planRegistries({ mirrors: { 'docker.io': { endpoint: ['https://a.example', 'http://b.example:5000/proxy'] } } }, true)
    const text = hosts.get('docker.io') ?? ''
    assert.match(text, /^server = "https:\/\/registry-1\.docker\.io\/v2"$/m)
    assert.ok(text.indexOf('[host."https://a.example/v2"]') < text.indexOf('[host."http://b.example:5000/proxy"]'))
  })

  it('never asks the registry itself when the default endpoint is off', () => {
    const { hosts } = planRegistries({ mirrors: { 'docker.io': { endpoint: ['https://a.example'] } } }, false)
    assert.match(hosts.get('docker.io') ?? '', /^server = "https:\/\/a\.example\/v2"$/m)
  })

  it('turns * into the default folder without a server', () => {
    const { hosts } = planRegistries({ mirrors: { '*': { endpoint: ['https://a.example'] } } }, true)
    assert.doesNotMatch(hosts.get('_default') ?? '', /^server/m)
  })

  it('speaks http to a local registry on an odd port', () => {
    const { hosts } = planRegistries({ configs: { '127.0.0.1:5000': { tls: { insecure_skip_verify: true } } } }, true)
    const text = hosts.get('127.0.0.1:5000') ?? ''
    assert.match(text, /^server = "http:\/\/127\.0\.0\.1:5000\/v2"$/m)
    assert.match(text, /^skip_verify = true$/m)
  })

  it('keeps certificates and credentials apart from the hosts file', () => {
    const tls = { ca_file: '/ca', cert_file: '/c', key_file: '/k' }
    const plan = planRegistries({ configs: { 'r.example': { auth: { username: 'u', password: 'secret' }, tls } } }, true)
    assert.match(plan.hosts.get('r.example') ?? '', /^client = \[\["\/c", "\/k"\]\]$/m)
    assert.doesNotMatch(plan.hosts.get('r.example') ?? '', /secret/)
    assert.equal(plan.auth[0]?.password, 'secret')
  })

  it('says that a rewrite is not done', () => {
    const { warnings } = planRegistries({ mirrors: { 'docker.io': { rewrite: { '^a': 'b' } } } }, true)
    assert.equal(warnings.length, 1)
  })
})
