import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../tests/helpers/fake-clock.ts'
import type { Client } from '../client/client.ts'
import { kubeletAuthenticator, kubeletAuthorizer } from './kubelet-access.ts'

/** Answers reviews with what stands in `status`, and keeps what it was asked. */
function reviewer(status: (spec: Readonly<Record<string, unknown>>) => object): { readonly client: Client; readonly asked: object[] } {
  const asked: object[] = []
  const create = (_type: unknown, { spec }: { readonly spec: Readonly<Record<string, unknown>> }): Promise<object> => {
    asked.push(spec)
    return Promise.resolve({ status: status(spec) })
  }
  return { client: { create } as unknown as Client, asked }
}

describe('kubeletAuthenticator', () => {
  it('asks who stands behind a token, and remembers for two minutes', async () => {
    const clock = new FakeClock()
    const user = { username: 'system:serviceaccount:kube-system:metrics-server', groups: ['system:serviceaccounts'] }
    const { client, asked } = reviewer(({ token }) =>
      token === 'good' ? { authenticated: true, user } : { authenticated: false, user: {} },
    )
    const authenticate = kubeletAuthenticator(client, clock)
    assert.deepEqual(await authenticate('good'), { name: user.username, groups: user.groups })
    assert.equal(await authenticate('bad'), undefined)
    await authenticate('good')
    assert.deepEqual(asked, [{ token: 'good' }, { token: 'bad' }])
    await clock.advance(120_000)
    await authenticate('good')
    assert.equal(asked.length, 3)
  })
})

describe('kubeletAuthorizer', () => {
  it('asks about the subresource of its own node, and remembers consent longer than refusal', async () => {
    const clock = new FakeClock()
    const { client, asked } = reviewer(({ user }) => ({ allowed: user === 'scraper' }))
    const authorize = kubeletAuthorizer(client, 'n1', clock)
    const metrics = { verb: 'get', subresource: 'metrics' }
    const both = async (): Promise<readonly boolean[]> => [
      await authorize({ name: 'scraper', groups: ['g'] }, metrics),
      await authorize({ name: 'other', groups: [] }, metrics),
    ]
    assert.deepEqual(await both(), [true, false])
    assert.deepEqual(asked[0], {
      user: 'scraper',
      groups: ['g'],
      resourceAttributes: { verb: 'get', version: 'v1', resource: 'nodes', subresource: 'metrics', name: 'n1' },
    })
    await clock.advance(30_000)
    await both()
    assert.equal(asked.length, 3)
    await clock.advance(270_000)
    await both()
    assert.equal(asked.length, 5)
  })
})
