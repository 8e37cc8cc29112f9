import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clusterRoles, deployments, pods, serviceAccounts } from '../api/kinds.ts'
import { isReason } from '../meta/status-error.ts'
import type { Client } from './client.ts'
import type { Transport, TransportRequest } from './transport.ts'
import { createClient } from './typed-client.ts'

const signal = new AbortController().signal
const WEB = { namespace: 'default', name: 'web' }

/** Records requests and answers each with `answer`. */
function recording(answer: unknown = {}, status = 200): { readonly client: Client; readonly sent: TransportRequest[] } {
  const sent: TransportRequest[] = []
  const body = Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer))
  const transport: Transport = {
    request: async (request) => {
      sent.push(request)
      return { status, headers: {}, body }
    },
    stream: async (request) => {
      sent.push(request)
      return {
        status,
        headers: {},
        body: (async function* () {
          yield body
        })(),
      }
    },
  }
  return { client: createClient(transport, { userAgent: 'unit/1.0', freeze: true }), sent }
}

describe('requests of the client', () => {
  const cases: readonly { title: string; run: (client: Client) => Promise<unknown>; expected: string; body?: unknown; type?: string }[] = [
    { title: 'get', run: (c) => c.get(pods, WEB, signal), expected: 'GET /api/v1/namespaces/default/pods/web' },
    {
      title: 'get, cluster scope',
      run: (c) => c.get(clusterRoles, { name: 'system:x' }, signal),
      expected: 'GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Ax',
    },
    {
      title: 'list',
      run: (c) => c.list(deployments, { namespace: 'a', labelSelector: 'x in (y,z)', limit: 5, continue: 'c=' }, signal),
      expected: 'GET /apis/apps/v1/namespaces/a/deployments?labelSelector=x%20in%20(y%2Cz)&limit=5&continue=c%3D',
    },
    { title: 'list of all namespaces', run: (c) => c.list(pods, {}, signal), expected: 'GET /api/v1/pods' },
    {
      title: 'create',
      run: (c) => c.create(pods, { metadata: WEB }, { signal, dryRun: true, fieldManager: 'me' }),
      expected: 'POST /api/v1/namespaces/default/pods?fieldManager=me&dryRun=All',
      body: { apiVersion: 'v1', kind: 'Pod', metadata: WEB },
      type: 'application/json',
    },
    {
      title: 'status',
      run: (c) => c.updateStatus(pods, { metadata: WEB, status: { phase: 'Running' } }, { signal }),
      expected: 'PUT /api/v1/namespaces/default/pods/web/status',
      body: { apiVersion: 'v1', kind: 'Pod', metadata: WEB, status: { phase: 'Running' } },
      type: 'application/json',
    },
    {
      title: 'JSON patch',
      run: (c) => c.patch(pods, WEB, { type: 'json', body: [] }, { signal }),
      expected: 'PATCH /api/v1/namespaces/default/pods/web',
      body: [],
      type: 'application/json-patch+json',
    },
    {
      title: 'merge patch',
      run: (c) => c.patch(pods, WEB, { type: 'merge', body: { a: 1 } }, { signal, subresource: 'status' }),
      expected: 'PATCH /api/v1/namespaces/default/pods/web/status',
      body: { a: 1 },
      type: 'application/merge-patch+json',
    },
    {
      title: 'strategic patch',
      run: (c) => c.patch(pods, WEB, { type: 'strategic', body: {} }, { signal }),
      expected: 'PATCH /api/v1/namespaces/default/pods/web',
      body: {},
      type: 'application/strategic-merge-patch+json',
    },
    {
      title: 'apply',
      run: (c) => c.patch(deployments, WEB, { type: 'apply', body: { spec: {} }, force: true }, { signal, fieldManager: 'me' }),
      expected: 'PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=me&force=true',
      body: { apiVersion: 'apps/v1', kind: 'Deployment', spec: {} },
      type: 'application/apply-patch+yaml',
    },
    {
      title: 'delete',
      run: (c) => c.delete(pods, WEB, { signal, gracePeriodSeconds: 0, propagationPolicy: 'Orphan', preconditions: { uid: 'u' } }),
      expected: 'DELETE /api/v1/namespaces/default/pods/web',
      body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, propagationPolicy: 'Orphan', preconditions: { uid: 'u' } },
      type: 'application/json',
    },
    {
      title: 'delete of a collection',
      run: (c) => c.deleteCollection(pods, { namespace: 'a', labelSelector: 'x=y', signal }),
      expected: 'DELETE /api/v1/namespaces/a/pods?labelSelector=x%3Dy',
      body: { apiVersion: 'v1', kind: 'DeleteOptions' },
      type: 'application/json',
    },
    {
      title: 'subresource',
      run: (c) => c.createSubresource(serviceAccounts, WEB, 'token', { spec: {} }, { signal }),
      expected: 'POST /api/v1/namespaces/default/serviceaccounts/web/token',
      body: { spec: {} },
      type: 'application/json',
    },
  ]
  for (const { title, run, expected, body, type } of cases) {
    it(title, async () => {
      const { client, sent } = recording({ metadata: {}, items: [] })
      await run(client)
      const [request] = sent
      assert.equal(`${request?.method ?? ''} ${request?.path ?? ''}`, expected)
      assert.equal(request?.headers?.['user-agent'], 'unit/1.0')
      assert.equal(request.headers['content-type'], type)
      assert.deepEqual(request.body === undefined ? undefined : JSON.parse(Buffer.from(request.body).toString()), body)
    })
  }

  it('watch with bookmarks', async () => {
    const { client, sent } = recording('')
    for await (const batch of client.watch(pods, { resourceVersion: '7', allowWatchBookmarks: true, timeoutSeconds: 9 }, signal))
      assert.fail(`${batch.length} events`)
    assert.equal(sent[0]?.path, '/api/v1/pods?watch=true&resourceVersion=7&allowWatchBookmarks=true&timeoutSeconds=9')
  })
})

describe('answers to the client', () => {
  it('carry the type on list items, also where the server leaves it out, and are frozen in tests', async () => {
    const { client } = recording({ metadata: { resourceVersion: '5', continue: 'more' }, items: [{ metadata: { name: 'a' } }] })
    const { items, resourceVersion, continue: next } = await client.list(deployments, {}, signal)
    assert.deepEqual([items[0]?.apiVersion, items[0]?.kind, resourceVersion, next], ['apps/v1', 'Deployment', '5', 'more'])
    assert.ok(Object.isFrozen(items[0]?.metadata))
  })

  it('become a StatusError with code, reason, details and message', async () => {
    const status = {
      kind: 'Status',
      message: 'pods "web" not found',
      reason: 'NotFound',
      details: { name: 'web', kind: 'pods' },
      code: 404,
    }
    const { client } = recording(status, 404)
    await assert.rejects(
      client.get(pods, WEB, signal),
      (err) => isReason(err, 'NotFound') && err.details.name === 'web' && err.message === 'pods "web" not found',
    )
    await assert.rejects(async () => {
      for await (const batch of client.watch(pods, {}, signal)) assert.fail(`${batch.length} events`)
    }, /not found/)
  })

  it('keep the text of a body that is no Status', async () => {
    const { client } = recording('upstream is away', 503)
    await assert.rejects(client.get(pods, WEB, signal), (err) => isReason(err, 'ServiceUnavailable') && err.message === 'upstream is away')
  })
})
