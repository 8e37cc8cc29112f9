import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCorefile } from './corefile.ts'
import { blockSettings } from './settings.ts'

const options = { defaultPort: 53, readImport: (pattern: string) => (pattern.includes('*') ? ['log\n'] : undefined) }

describe('a Corefile', () => {
  it('has server blocks with plugins, arguments and nested blocks', () => {
    const [block] = parseCorefile('.:53 {\n  errors # all\n  kubernetes cluster.local in-addr.arpa {\n    pods insecure\n  }\n}', options)
    assert.deepEqual(block?.keys, [{ zone: '', port: 53 }])
    assert.deepEqual(block.directives, [
      { name: 'errors', args: [], block: [] },
      { name: 'kubernetes', args: ['cluster.local', 'in-addr.arpa'], block: [{ name: 'pods', args: ['insecure'], block: [] }] },
    ])
  })

  it('takes imported files and snippets in place', () => {
    const [block] = parseCorefile(
      '(base) {\n cache 10\n}\nexample.org, dns://b.org:1053 {\n import base\n import custom/*.override\n}',
      options,
    )
    assert.deepEqual(block?.keys, [
      { zone: 'example.org', port: 53 },
      { zone: 'b.org', port: 1053 },
    ])
    assert.deepEqual(
      block.directives.map(({ name }) => name),
      ['cache', 'log'],
    )
  })

  it('turns prefixes into reverse zones', () => {
    const [block] = parseCorefile('10.43.0.0/15 {\n errors\n}', options)
    assert.deepEqual(
      block?.keys.map(({ zone }) => zone),
      ['43.10.in-addr.arpa', '44.10.in-addr.arpa'],
    )
  })

  for (const { text, error } of [
    { text: '. {\n errors', error: /never closed/ },
    { text: 'errors', error: /expected "\{"/ },
    { text: '. {\n import gone\n}', error: /not found: gone/ },
    { text: 'tls://. {\n}', error: /only plain DNS/ },
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseCorefile(text, options), error)
    })
  }
})

describe('plugin settings', () => {
  const settings = (body: string, unknown: string[] = []): ReturnType<typeof blockSettings> => {
    const [block] = parseCorefile(`.:53 {\n${body}\n}`, options)
    assert.ok(block !== undefined)
    return blockSettings(block, (name) => unknown.push(name))
  }

  it('have the defaults of CoreDNS', () => {
    const found = settings('health\nready\nprometheus :9153\nkubernetes cluster.local\nforward . 1.1.1.1\ncache 30\nreload')
    assert.deepEqual(
      [found.health, found.ready, found.metrics].map((listen) => listen?.port),
      [8080, 8181, 9153],
    )
    assert.deepEqual(found.kubernetes, [
      { zones: ['cluster.local'], pods: 'disabled', ttlSeconds: 5, endpointPodNames: false, fallthrough: [] },
    ])
    assert.equal(found.cacheSeconds, 30)
    assert.equal(found.reloadMs, 30_000)
    assert.equal(found.forward[0]?.policy, 'random')
  })

  it('report unknown plugins and refuse those that would change answers', () => {
    const unknown: string[] = []
    settings('sparkle yes', unknown)
    assert.deepEqual(unknown, ['sparkle'])
    assert.throws(() => settings('rewrite name a b'), /plugin rewrite is not supported/)
  })
})
