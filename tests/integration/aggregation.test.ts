import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { after, before, beforeEach, describe, it } from 'node:test'
import { apiServices, clusterRoleBindings, clusterRoles, configMaps, namespaces, services } from '../../core/api/kinds.ts'
import type { APIService } from '../../core/api/types/apiregistration-v1.ts'
import type { Client } from '../../core/client/client.ts'
import { IdleLimitedAgent } from '../../core/apiserver/extension/aggregation/remote-target.ts'
import { httpsTransport, type HttpsTransport } from '../../core/client/https.ts'
import { createClient } from '../../core/client/typed-client.ts'
import { findCondition } from '../../core/meta/conditions.ts'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { type ExtensionServer, GROUP_PATH, startExtensionServer } from '../helpers/extension-server.ts'
import { type Tools, tools } from '../helpers/kubectl.ts'

const NAME = 'v1.widgets.example.com'
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

interface DiscoveredGroup {
  readonly metadata: { readonly name: string }
  readonly versions: readonly { readonly version: string; readonly freshness: string; readonly resources: readonly unknown[] }[]
}

const kindOf = (text: string): string => (JSON.parse(text) as { kind: string }).kind
const life = new AbortController()
const { signal } = life

describe('an extension API server behind an APIService', () => {
  let api: TestApiServer
  let extension: ExtensionServer
  let transport: HttpsTransport
  let client: Client
  let cli: Tools

  before(async () => {
    api = await startTestApiServer()
    extension = await startExtensionServer(api.pki.authorities['request-header-ca'].certificatePem, 'widgets.tools.svc')
    const { certificatePem: cert, keyPem: key } = api.pki.leafs.get('client-admin')
    const ca = api.pki.authorities['server-ca'].certificatePem
    transport = httpsTransport({ url: `https://127.0.0.1:${api.port}`, ca, certificate: { cert, key } })
    client = createClient(transport, { userAgent: 'test/1' })
    cli = await tools(api.kubeconfig, api.folder)
    await client.create(namespaces, { metadata: { name: 'tools' } }, { signal })
    await client.create(apiServices, registration(extension.authority.certificatePem), { signal })
    const rules = [{ apiGroups: ['widgets.example.com'], resources: ['*'], verbs: ['get', 'list', 'watch'] }]
    await client.create(clusterRoles, { metadata: { name: 'widgets' }, rules }, { signal })
    await client.create(
      clusterRoleBindings,
      {
        metadata: { name: 'widgets' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'widgets' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
      },
      { signal },
    )
  })

  after(async () => {
    life.abort(new Error('the test is over'))
    await transport[Symbol.asyncDispose]()
    await extension[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
  })

  beforeEach(() => {
    extension.seen.length = 0
  })

  // NOTE: endpoints on the loopback device are not allowed; the name of a service of this type leads there all the same.
  const backend = { metadata: { namespace: 'tools', name: 'widgets' }, spec: { type: 'ExternalName', externalName: 'localhost' } } as const
  const registration = (ca: string) => ({
    metadata: { name: NAME },
    spec: {
      group: 'widgets.example.com',
      version: 'v1',
      groupPriorityMinimum: 500,
      versionPriority: 10,
      caBundle: Buffer.from(ca).toString('base64'),
      service: { namespace: 'tools', name: 'widgets', port: extension.port },
    },
  })
  const get = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await transport.request({ method: 'GET', path, headers }, signal)
    return { ...answer, text: Buffer.from(answer.body).toString() }
  }
  const json = async <T>(path: string, accept = 'application/json'): Promise<T> => JSON.parse((await get(path, { accept })).text) as T
  const condition = async (reason: string): Promise<string> =>
    eventually(async () => {
      const found = findCondition((await client.get(apiServices, { name: NAME }, signal)).status.conditions, 'Available')
      assert.equal(found?.reason, reason)
      return found.message ?? ''
    }, 15_000)
  const group = async (): Promise<DiscoveredGroup | undefined> =>
    (await json<{ items: DiscoveredGroup[] }>('/apis', AGGREGATED)).items.find(({ metadata }) => metadata.name === 'widgets.example.com')
  const onlyVersion = async (): Promise<DiscoveredGroup['versions'][number]> =>
    (await group())?.versions[0] ?? assert.fail('not discovered')

  it('publishes how its requests are known', async () => {
    const { data = {} } = await client.get(configMaps, { namespace: 'kube-system', name: 'extension-apiserver-authentication' }, signal)
    assert.equal(data['requestheader-client-ca-file'], api.pki.authorities['request-header-ca'].certificatePem)
    assert.equal(data['client-ca-file'], api.pki.authorities['client-ca'].certificatePem)
    assert.equal(data['requestheader-username-headers'], '["X-Remote-User"]')
  })

  it('says that the service is missing, and answers 503 meanwhile', async () => {
    assert.equal(await condition('ServiceNotFound'), 'service/widgets in "tools" is not present')
    const answer = await get(`${GROUP_PATH}/namespaces/default/widgets`)
    assert.deepEqual([answer.status, answer.text], [503, 'service unavailable\n'])
    assert.equal((await onlyVersion()).freshness, 'Stale')
    assert.deepEqual(extension.seen, [])
  })

  it('becomes available with its service', async () => {
    await client.create(services, backend, { signal })
    assert.equal(await condition('Passed'), 'all checks passed')
    const [check] = extension.seen
    assert.deepEqual([check?.caller, check?.headers['x-remote-user']], ['system:auth-proxy', 'system:kube-aggregator'])
    const { stdout } = await cli.kubectl(['get', 'apiservice', NAME])
    assert.match(stdout, /tools\/widgets +True/)
  })

  it('hands on who asks, and not what the client says about itself', async () => {
    const answer = await get(`${GROUP_PATH}/namespaces/default/widgets?labelSelector=a%3Db`, {
      'impersonate-user': 'jane',
      'impersonate-group': 'painters, makers of ä',
      'impersonate-extra-example.com%2fproject': 'blue',
      'x-remote-user': 'root',
      'x-remote-group': 'system:masters',
      'x-remote-extra-other': 'forged',
    })
    assert.deepEqual([answer.status, kindOf(answer.text)], [200, 'WidgetList'])
    assert.notEqual(answer.headers['audit-id'], 'theirs')
    const [seen] = extension.seen
    assert.ok(seen !== undefined)
    assert.equal(seen.caller, 'system:auth-proxy')
    assert.equal(seen.url, `${GROUP_PATH}/namespaces/default/widgets?labelSelector=a%3Db`)
    assert.equal(seen.headers['x-remote-user'], 'jane')
    const groups = seen.rawHeaders.filter((_, index) => seen.rawHeaders[index - 1]?.toLowerCase() === 'x-remote-group')
    assert.deepEqual(
      groups.map((name) => Buffer.from(name, 'latin1').toString()),
      ['painters', 'makers of ä', 'system:authenticated'],
    )
    assert.equal(seen.headers['x-remote-extra-example.com%2Fproject'.toLowerCase()], 'blue')
    const names = Object.keys(seen.headers)
    assert.deepEqual(
      names.filter((name) => name.startsWith('impersonate-') || name === 'authorization' || name === 'x-remote-extra-other'),
      [],
    )
  })

  it('refuses whom RBAC refuses, without asking the extension server', async () => {
    const answer = await get(`${GROUP_PATH}/namespaces/default/widgets`, { 'impersonate-user': 'bob' })
    assert.equal(answer.status, 403)
    assert.match(answer.text, /widgets\.widgets\.example\.com is forbidden: User \\"bob\\" cannot list resource/)
    assert.deepEqual(extension.seen, [])
  })

  it('passes answers on as they come, for as long as a watch lasts', async () => {
    let push: (text: string) => void = () => undefined
    let ended = false
    extension.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.on('close', () => (ended = true))
      push = (text) => response.write(text)
      push('{"type":"ADDED"}\n')
    }
    const own = new AbortController()
    const stream = await transport.stream({ method: 'GET', path: `${GROUP_PATH}/widgets?watch=true` }, own.signal)
    const chunks = stream.body[Symbol.asyncIterator]()
    const next = async (): Promise<string> => Buffer.from((await chunks.next()).value as Uint8Array).toString()
    assert.equal(await next(), '{"type":"ADDED"}\n')
    push('{"type":"MODIFIED"}\n')
    assert.equal(await next(), '{"type":"MODIFIED"}\n')
    own.abort()
    await assert.rejects(next())
    await eventually(() => assert.ok(ended))
  })

  it('carries bodies and errors both ways', async () => {
    extension.answer = (request, response) => {
      request.setEncoding('utf8')
      let text = ''
      request.on('data', (chunk: string) => (text += chunk))
      request.on('end', () => response.writeHead(409, { 'content-type': 'text/plain', 'x-own': '1' }).end(`no to ${text}`))
    }
    const path = `${GROUP_PATH}/namespaces/default/widgets`
    const answer = await transport.request({ method: 'POST', path, body: Buffer.from('{"size":"big"}') }, signal)
    assert.deepEqual([answer.status, Buffer.from(answer.body).toString(), answer.headers['x-own']], [409, 'no to {"size":"big"}', '1'])
  })

  it('leads nobody elsewhere', async () => {
    extension.answer = (_request, response) => response.writeHead(302, { location: 'https://192.0.2.1/' }).end()
    const answer = await get(`${GROUP_PATH}/namespaces/default/widgets`)
    assert.deepEqual([answer.status, answer.text], [503, 'the backend attempted to redirect this request, which is not permitted\n'])
  })

  it('joins upgraded connections', async () => {
    const { certificatePem: cert, keyPem: key } = api.pki.leafs.get('client-admin')
    const request = httpsRequest({
      host: '127.0.0.1',
      port: api.port,
      path: `${GROUP_PATH}/namespaces/default/widgets/x/echo`,
      headers: { connection: 'Upgrade', upgrade: 'echo', 'x-remote-user': 'forged' },
      ca: api.pki.authorities['server-ca'].certificatePem,
      cert,
      key,
    })
    request.end()
    const [, socket] = (await once(request, 'upgrade')) as [unknown, NodeJS.ReadWriteStream & { destroy(): void }]
    socket.write('hello')
    assert.equal(String((await once(socket, 'data'))[0]), 'hello')
    socket.destroy()
    assert.deepEqual([extension.seen[0]?.headers['x-remote-user'], extension.seen[0]?.caller], ['system:admin', 'system:auth-proxy'])
  })

  it('keeps connections for a while, and those in use for as long as they last', async () => {
    const agent = new IdleLimitedAgent(100)
    const open = async (): Promise<AsyncIterator<Buffer>> => {
      const request = httpsRequest({
        agent,
        host: 'localhost',
        port: extension.port,
        path: `${GROUP_PATH}/x`,
        rejectUnauthorized: false,
      }).end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      reused.push(request.reusedSocket)
      return response[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    }
    const reused: boolean[] = []
    extension.answer = (_request, response) => response.end('first')
    const first = await open()
    while ((await first.next()).done !== true);
    await new Promise((resolve) => setTimeout(resolve, 20))
    extension.answer = (_request, response) => {
      response.flushHeaders()
      setTimeout(() => response.end('late'), 300)
    }
    assert.equal(String((await (await open()).next()).value), 'late')
    assert.deepEqual(reused, [false, true])
    await eventually(() => assert.deepEqual([Object.keys(agent.sockets), Object.keys(agent.freeSockets)], [[], []]))
  })

  it('is part of discovery and OpenAPI', async () => {
    const versions = (await group())?.versions
    assert.deepEqual(versions, [
      {
        version: 'v1',
        resources: [
          {
            resource: 'widgets',
            responseKind: { group: 'widgets.example.com', version: 'v1', kind: 'Widget' },
            scope: 'Namespaced',
            singularResource: 'widget',
            verbs: ['get', 'list', 'watch'],
            shortNames: ['wd'],
            subresources: [
              { subresource: 'status', responseKind: { group: 'widgets.example.com', version: 'v1', kind: 'Widget' }, verbs: ['get'] },
            ],
          },
        ],
        freshness: 'Current',
      },
    ])
    assert.equal((await json<{ kind: string }>(GROUP_PATH)).kind, 'APIResourceList')
    await eventually(async () => {
      const { paths } = await json<{ paths: Record<string, { serverRelativeURL: string }> }>('/openapi/v3')
      assert.equal(paths['apis/widgets.example.com/v1']?.serverRelativeURL, `/openapi/v3${GROUP_PATH}?hash=AB12`)
    })
    const swagger = await json<{ paths: object; definitions: object }>('/openapi/v2')
    assert.ok(`${GROUP_PATH}/namespaces/{namespace}/widgets` in swagger.paths)
    assert.deepEqual(['com.example.Widget' in swagger.definitions, 'com.example.Unused' in swagger.definitions], [true, false])
    const protobuf = await get('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' })
    assert.deepEqual([protobuf.status, protobuf.text.includes('com.example.Widget')], [200, true])
    const shown = await cli.kubectl(['api-resources', '--api-group=widgets.example.com'])
    assert.match(shown.stdout, /widgets +wd +widgets\.example\.com\/v1 +true +Widget/)
    const explained = await cli.kubectl(['explain', 'widget.size'])
    assert.match(explained.stdout, /How big it is\./, explained.stderr)
  })

  it('is unavailable when its certificate is of another authority, or expected to be', async () => {
    const wrong = registration(api.pki.authorities['server-ca'].certificatePem)
    await client.patch(apiServices, { name: NAME }, { type: 'merge', body: { spec: { caBundle: wrong.spec.caBundle } } }, { signal })
    assert.match(await condition('FailedDiscoveryCheck'), /^failing or missing response from https:\/\/localhost:\d+\/apis.*certificate/)
    const answer = await get(`${GROUP_PATH}/namespaces/default/widgets`)
    assert.deepEqual([answer.status, answer.text], [503, 'service unavailable\n'])
    const nonsense = Buffer.from('-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n').toString('base64')
    for (const caBundle of ['bm90aGluZw==', nonsense]) {
      await client.patch(apiServices, { name: NAME }, { type: 'merge', body: { spec: { caBundle } } }, { signal })
      await condition('FailedDiscoveryCheck')
      assert.equal((await get(`${GROUP_PATH}/namespaces/default/widgets`)).status, 503)
    }
    const insecure = { spec: { caBundle: null, insecureSkipTLSVerify: true } }
    await client.patch(apiServices, { name: NAME }, { type: 'merge', body: insecure }, { signal })
    await condition('Passed')
    await get(`${GROUP_PATH}/gadgets`)
    const metrics = (await get('/metrics')).text
    assert.match(metrics, /^apiserver_request_total\{.*group="widgets\.example\.com".*resource="widgets".*\} [1-9]/m)
    assert.doesNotMatch(metrics, /resource="gadgets"/)
    assert.match(metrics, /^aggregator_unavailable_apiservice\{name="v1\.widgets\.example\.com"\} 0$/m)
    assert.match(
      metrics,
      /^aggregator_unavailable_apiservice_total\{name="v1\.widgets\.example\.com",reason="FailedDiscoveryCheck"\} [1-9]/m,
    )
  })

  it('is unavailable, with what it last told, when its server has gone', async () => {
    await extension[Symbol.asyncDispose]()
    const answer = await get(`${GROUP_PATH}/namespaces/default/widgets`)
    assert.equal(answer.status, 503)
    assert.match(answer.text, /^error trying to reach service: .*ECONNREFUSED/)
    // Whatever changes about the service has it checked at once.
    await client.patch(
      services,
      { namespace: 'tools', name: 'widgets' },
      { type: 'merge', body: { metadata: { labels: { a: 'b' } } } },
      { signal },
    )
    await condition('FailedDiscoveryCheck')
    const version = await onlyVersion()
    assert.deepEqual([version.freshness, version.resources.length], ['Stale', 1])
  })

  it('is gone with its APIService', async () => {
    await client.delete(apiServices, { name: NAME }, { signal })
    await eventually(async () => assert.equal((await get(`${GROUP_PATH}/namespaces/default/widgets`)).status, 404))
    assert.equal(await group(), undefined)
    const left = (await client.list(apiServices, {}, signal)).items.map(({ metadata }: APIService) => metadata.name)
    assert.ok(!left.includes(NAME) && left.includes('v1.apps'))
  })
})
