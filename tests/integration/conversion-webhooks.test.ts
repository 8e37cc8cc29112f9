/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument, @typescript-eslint/no-unsafe-return -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { callsTo, type Engine } from '../helpers/engine.ts'
import { eventually } from '../helpers/eventually.ts'
import { type HookServer, startHookServer } from '../helpers/webhook-server.ts'

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const V1 = '/apis/conv.example.com/v1/namespaces/default/machines'
const V2 = '/apis/conv.example.com/v2/namespaces/default/machines'

/** v1 has `hostPort: "h:p"`, v2 has `host` and `port`. */
function convert(object: any, apiVersion: string): any {
  const { hostPort, host, port, ...rest } = object
  const [first = '', second = ''] = (hostPort ?? '').split(':')
  const fields = apiVersion.endsWith('/v2') ? { host: host ?? first, port: port ?? second } : { hostPort: hostPort ?? `${host}:${port}` }
  return { ...rest, apiVersion, ...fields }
}

const text = { type: 'string' }
const version = (name: string, storage: boolean, properties: object, more: object = {}): object => ({
  name,
  storage,
  served: true,
  schema: { openAPIV3Schema: { type: 'object', properties } },
  ...more,
})

describe('custom resources whose versions a webhook converts', () => {
  let server: TestApiServer
  let hook: HookServer
  let call: Engine['call']
  let isBroken = false
  const definition = (stored: 'v1' | 'v2'): object => ({
    metadata: { name: 'machines.conv.example.com' },
    spec: {
      group: 'conv.example.com',
      scope: 'Namespaced',
      names: { plural: 'machines', kind: 'Machine' },
      conversion: { strategy: 'Webhook', webhook: { clientConfig: hook.clientConfig('/crdconvert'), conversionReviewVersions: ['v1'] } },
      versions: [
        version('v1', stored === 'v1', { hostPort: text }),
        version(
          'v2',
          stored === 'v2',
          { host: text, port: text },
          { additionalPrinterColumns: [{ name: 'Host', type: 'string', jsonPath: '.host' }] },
        ),
      ],
    },
  })
  before(async () => {
    hook = await startHookServer(({ body: { apiVersion, kind, request } }) => ({
      apiVersion,
      kind,
      response: isBroken
        ? { uid: request.uid, convertedObjects: [], result: { status: 'Failure', message: 'out of order' } }
        : {
            uid: request.uid,
            convertedObjects: request.objects.map((object: any) => convert(object, request.desiredAPIVersion)),
            result: { status: 'Success' },
          },
    }))
    server = await startTestApiServer()
    call = callsTo(server.api.handle)
    assert.equal((await call('POST', CRDS, definition('v1'))).status, 201)
    await eventually(async () => assert.equal((await call('GET', V2)).status, 200))
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await hook[Symbol.asyncDispose]()
  })
  const machine = (v: string, name: string, fields: object): object => ({
    apiVersion: `conv.example.com/${v}`,
    kind: 'Machine',
    metadata: { name },
    ...fields,
  })

  it('are read, written, patched, applied and deleted in any version', async () => {
    assert.equal((await call('POST', V1, machine('v1', 'a', { hostPort: 'one:1' }))).json.hostPort, 'one:1')
    const read = await call('GET', `${V2}/a`)
    assert.deepEqual(
      [read.json.apiVersion, read.json.host, read.json.port, read.json.hostPort],
      ['conv.example.com/v2', 'one', '1', undefined],
    )
    assert.ok(read.json.metadata.resourceVersion !== '')
    const written = await call('PUT', `${V2}/a`, { ...read.json, host: 'two' })
    assert.deepEqual([written.status, written.json.host], [200, 'two'])
    assert.equal((await call('GET', `${V1}/a`)).json.hostPort, 'two:1')
    const merge = { headers: { 'content-type': 'application/merge-patch+json' } }
    assert.equal((await call('PATCH', `${V2}/a`, { port: '2' }, merge)).json.port, '2')
    const apply = { headers: { 'content-type': 'application/apply-patch+yaml' } }
    const applied = await call('PATCH', `${V2}/a?fieldManager=t&force=true`, machine('v2', 'a', { port: '3' }), apply)
    assert.deepEqual([applied.status, applied.json.host, applied.json.port], [200, 'two', '3'])
    assert.equal((await call('POST', V2, machine('v2', 'b', { host: 'x', port: '9' }))).json.host, 'x')
    assert.equal((await call('GET', `${V1}/b`)).json.hostPort, 'x:9')
    assert.equal((await call('DELETE', `${V2}/b`)).status, 200)
  })

  it('are listed and watched in one version, whichever they are stored in', async () => {
    const stored = await call('GET', `${CRDS}/machines.conv.example.com`)
    const changed = await call('PUT', `${CRDS}/machines.conv.example.com`, {
      ...definition('v2'),
      metadata: stored.json.metadata,
    })
    assert.deepEqual(changed.json.status.storedVersions, ['v1', 'v2'])
    await eventually(async () => {
      assert.equal((await call('POST', V2, machine('v2', 'c', { host: 'c', port: '3' }))).status, 201)
      const entry = server.api.caches.get('/registry/conv.example.com/machines')?.get('default', 'c')
      await call('DELETE', `${V2}/c`)
      assert.equal(entry?.object().apiVersion, 'conv.example.com/v2')
    })
    await call('POST', V2, machine('v2', 'c', { host: 'c', port: '3' }))
    hook.requests.length = 0
    const inV1 = await call('GET', V1)
    assert.deepEqual(
      inV1.json.items.map((item: any) => [item.apiVersion, item.hostPort]),
      [
        ['conv.example.com/v1', 'two:3'],
        ['conv.example.com/v1', 'c:3'],
      ],
    )
    assert.equal(hook.requests.length, 1)
    const inV2 = await call('GET', V2)
    assert.deepEqual(
      inV2.json.items.map((item: any) => item.host),
      ['two', 'c'],
    )
    const table = await call('GET', V2, undefined, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } })
    assert.deepEqual(table.json.rows[0].cells.slice(0, 2), ['a', 'two'])
    const watched = await call('GET', `${V2}?watch=true&timeoutSeconds=1`)
    assert.deepEqual(
      watched.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line).object.host),
      ['two', 'c'],
    )
  })

  it('say so when the webhook fails, and can be removed all the same', async () => {
    isBroken = true
    await call('PUT', `${V2}/c`, { ...(await call('GET', `${V2}/c`)).json, port: '4' })
    const refused = await call('GET', `${V1}/c`)
    assert.equal(refused.status, 500)
    assert.equal(refused.json.message, 'conversion webhook for conv.example.com/v2, Kind=Machine failed: out of order')
    isBroken = false
    assert.equal((await call('GET', `${V1}/c`)).json.hostPort, 'c:4')
  })
})
