/* eslint-disable @typescript-eslint/no-unsafe-member-access -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AdmissionPlugin } from '../../core/apiserver/admission/admission.ts'
import type { Attributes, Authorizer } from '../../core/apiserver/auth/auth.ts'
import { StatusError } from '../../core/meta/status-error.ts'
import { StoreError } from '../../core/store/store.ts'
import { startEngine } from '../helpers/engine.ts'
import { eventually } from '../helpers/eventually.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const jane = { name: 'jane', groups: ['system:authenticated'] }

describe('requests', () => {
  it('are refused with the words of the authorizer, before anything else', async () => {
    const asked: Attributes[] = []
    const authorizer: Authorizer = {
      authorize: (attributes) => {
        asked.push(attributes)
        return { allowed: attributes.user.name === 'admin', reason: 'no luck' }
      },
    }
    await using engine = await startEngine({ authorizer })
    const list = await engine.call('GET', `${MAPS}?fieldSelector=metadata.name%3Da&labelSelector=b`, undefined, { user: jane })
    assert.deepEqual(
      [list.status, list.json.message, list.json.details],
      [
        403,
        'configmaps "a" is forbidden: User "jane" cannot list resource "configmaps" in API group "" in the namespace "default": no luck',
        { name: 'a', kind: 'configmaps' },
      ],
    )
    const last = asked.at(-1)
    assert.ok(last?.kind === 'resource')
    assert.deepEqual([last.fieldSelector, last.labelSelector, last.name], ['metadata.name=a', 'b', 'a'])
    const path = await engine.call('GET', '/secret/path', undefined, { user: jane })
    assert.equal(path.json.message, 'forbidden: User "jane" cannot get path "/secret/path": no luck')
    const unknown = await engine.call('GET', '/apis/none.example.com/v1/things', undefined, { user: jane })
    assert.equal(unknown.status, 403)
  })

  it('act as somebody else when they may', async () => {
    const authorizer: Authorizer = {
      authorize: ({ user, verb }) => ({
        allowed: user.name === 'admin' ? verb !== 'impersonate' || user.groups.includes('system:masters') : verb === 'get',
        reason: '',
      }),
    }
    await using engine = await startEngine({ authorizer })
    const as = { headers: { 'impersonate-user': 'jane', 'content-type': 'application/json' } }
    assert.equal((await engine.call('GET', `${MAPS}/none`, undefined, as)).status, 404)
    const refused = await engine.call('POST', MAPS, { metadata: { name: 'a' } }, as)
    assert.match(refused.json.message as string, /User "jane" cannot create resource "configmaps"/)
    const stranger = await engine.call('GET', `${MAPS}/none`, undefined, { ...as, user: { name: 'other', groups: [] } })
    assert.match(stranger.json.message as string, /cannot impersonate resource "users"/)
  })

  it('that need another right on the way are asked for it', async () => {
    const authorizer: Authorizer = { authorize: ({ verb, user }) => ({ allowed: user.name === 'admin' || verb !== 'create', reason: '' }) }
    await using engine = await startEngine({ authorizer })
    const lease = { metadata: { name: 'l' }, spec: {} }
    const answer = await engine.call('PUT', '/apis/coordination.k8s.io/v1/namespaces/default/leases/l', lease, { user: jane })
    assert.deepEqual([answer.status, answer.json.reason], [403, 'Forbidden'])
    const applied = await engine.call(
      'PATCH',
      `${MAPS}/m?fieldManager=me`,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' } },
      { user: jane, headers: { 'content-type': 'application/apply-patch+yaml' } },
    )
    assert.equal(applied.status, 403)
  })

  it('beyond the limit are turned away; watches, administrators and the parts of the cluster are not', async () => {
    let open: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (open = resolve))
    const slow: AdmissionPlugin = { name: 'Slow', handles: ({ object }) => object?.metadata.name === 'slow', admit: () => gate }
    await using engine = await startEngine({ admission: [slow], with: (deps) => ({ ...deps, inFlight: { reads: 10, writes: 1 } }) })
    const first = engine.call('POST', MAPS, { metadata: { name: 'slow' } }, { user: jane })
    const second = await engine.call('POST', MAPS, { metadata: { name: 'quick' } }, { user: jane })
    assert.deepEqual([second.status, second.json.reason, second.headers['retry-after']], [429, 'TooManyRequests', '1'])
    assert.equal((await engine.call('GET', MAPS, undefined, { user: jane })).status, 200)
    assert.equal((await engine.call('POST', MAPS, { metadata: { name: 'admin' } })).status, 201)
    for (const [name, groups, status] of [
      ['system:kube-scheduler', [], 201],
      ['system:node:n1', ['system:nodes'], 201],
      ['system:serviceaccount:kube-system:job-controller', ['system:serviceaccounts:kube-system'], 201],
      ['system:serviceaccount:default:app', ['system:serviceaccounts:default'], 429],
      ['system:anonymous', ['system:unauthenticated'], 429],
    ] as const)
      assert.equal((await engine.call('POST', MAPS, { metadata: { generateName: 'x' } }, { user: { name, groups } })).status, status, name)
    const watch = await engine.watch(`${MAPS}?watch=true`, { user: jane })
    watch.close()
    open()
    assert.equal((await first).status, 201)
    assert.equal((await engine.call('POST', MAPS, { metadata: { name: 'quick' } }, { user: jane })).status, 201)
  })

  it('survive whatever is thrown inside', async () => {
    const thrown: Readonly<Record<string, unknown>> = {
      plain: new TypeError('x is not a function'),
      store: new StoreError('Unavailable', 'disk full'),
      status: new StatusError('Conflict', 'not now'),
      text: 'a string',
    }
    const plugin: AdmissionPlugin = {
      name: 'Thrower',
      handles: ({ object }) => object !== undefined && object.metadata.name in thrown,
      validate: ({ name }) => {
        throw thrown[name] as Error
      },
    }
    await using engine = await startEngine({ admission: [plugin] })
    const answers = await Promise.all(Object.keys(thrown).map((name) => engine.call('POST', MAPS, { metadata: { name } })))
    assert.deepEqual(
      answers.map(({ status, json }) => `${status} ${String(json.message)}`),
      [
        '500 Internal error occurred: x is not a function',
        '503 the datastore is not available at this time, please try again',
        '409 not now',
        '500 Internal error occurred: a string',
      ],
    )
    assert.equal((await engine.call('GET', MAPS)).json.items.length, 0)
  })

  it('are counted', async () => {
    await using engine = await startEngine()
    await engine.call('POST', MAPS, { metadata: { name: 'a' } })
    await engine.call('GET', `${MAPS}/a`)
    await engine.call('GET', `${MAPS}/none`)
    await engine.call('GET', '/apis/made.up.example.com/v1/things')
    const { text } = await engine.call('GET', '/metrics')
    assert.match(
      text,
      /^apiserver_request_total\{code="201",component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="POST",version="v1"\} 1$/m,
    )
    assert.match(text, /^apiserver_request_total\{code="404",.*resource="configmaps",scope="resource",.*verb="GET",version="v1"\} 1$/m)
    assert.match(text, /^apiserver_request_duration_seconds_count\{component="apiserver",.*verb="GET",version="v1"\} 2$/m)
    assert.doesNotMatch(text, /made\.up/)
  })

  it('count watches while they last', async () => {
    await using engine = await startEngine()
    const running = async (): Promise<string | undefined> =>
      /^apiserver_longrunning_requests\{.*verb="WATCH".*\} (\d+)$/m.exec((await engine.call('GET', '/metrics')).text)?.[1]
    const watch = await engine.watch(`${MAPS}?watch=true&timeoutSeconds=1`)
    assert.equal(await running(), '1')
    assert.equal(await watch.next(), undefined)
    await eventually(async () => assert.equal(await running(), '0'))
  })

  for (const [method, path, status] of [
    ['POST', '/api/v1/namespaces/default/configmaps/named', 405],
    ['DELETE', '/api/v1/namespaces', 405],
    ['GET', '/api/v1/configmaps/named', 404],
    ['PUT', '/api/v1/configmaps/named', 404],
    ['GET', '/api/v1/namespaces/default/nodes', 404],
    ['GET', '/api/v1/namespaces/default/configmaps/named/status', 404],
    ['PATCH', '/apis/apps/v1/namespaces/default/deployments', 405],
    ['PUT', '/apis/apps/v1/namespaces/default/deployments/d/scale', 415],
    ['OPTIONS', '/api/v1/pods', 405],
    ['GET', '/api/v2', 404],
    ['GET', '/nothing', 404],
  ] as const) {
    it(`${method} ${path} is a ${status}`, async () => {
      await using engine = await startEngine()
      const body = status === 415 ? '<xml/>' : undefined
      assert.equal((await engine.call(method, path, body, { headers: { 'content-type': 'application/xml' } })).status, status)
    })
  }
})
