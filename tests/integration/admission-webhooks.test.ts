/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-argument, @typescript-eslint/no-unsafe-call -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { after, afterEach, before, describe, it } from 'node:test'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { callsTo, type Engine } from '../helpers/engine.ts'
import { eventually } from '../helpers/eventually.ts'
import { type HookServer, startHookServer } from '../helpers/webhook-server.ts'

const GROUP = '/apis/admissionregistration.k8s.io/v1'
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const MAPS = '/api/v1/namespaces/default/configmaps'
const PODS = '/api/v1/namespaces/default/pods'
const THINGS = '/apis/hooks.example.com/v1/namespaces/default/things'

type Hooks = 'validatingwebhookconfigurations' | 'mutatingwebhookconfigurations'

/** What each path of the webhook answers. */
function answerTo(path: string, request: any): object {
  const { object, oldObject, operation } = request
  switch (path) {
    case '/deny':
      return { allowed: (object ?? oldObject)?.data?.deny === undefined, status: { message: 'the object contains unwanted data' } }
    case '/attach':
      return { allowed: request.operation !== 'CONNECT', status: { message: `attaching to pod '${request.name}' is not allowed` } }
    case '/crd':
      return { allowed: object?.metadata.labels?.['deny'] !== 'yes', status: { message: 'the crd contains unwanted label' } }
    case '/stage':
      return mutation([
        ...(object?.data?.stage1 === undefined ? [{ op: 'add', path: '/data/stage1', value: 'yes' }] : []),
        { op: 'add', path: '/data/unknown', value: operation },
      ])
    case '/pod':
      return mutation([{ op: 'add', path: '/spec/initContainers', value: [{ name: 'added', image: 'x' }] }])
    case '/configuration':
      return mutation([{ op: 'add', path: '/metadata/labels', value: { changed: 'yes' } }])
    default:
      return { allowed: true }
  }
}

function mutation(operations: object[]): object {
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') }
}

/** What the conformance tests "AdmissionWebhook" ask for. */
describe('admission webhooks through the whole API server', () => {
  let server: TestApiServer
  let hook: HookServer
  let call: Engine['call']
  before(async () => {
    hook = await startHookServer(async ({ path, body: { apiVersion, kind, request } }) => {
      if (path === '/slow') await pause(2_500)
      return { apiVersion, kind, response: { uid: request.uid, ...answerTo(path, request) } }
    })
    server = await startTestApiServer()
    call = callsTo(server.api.handle)
    await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } })
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await hook[Symbol.asyncDispose]()
  })
  afterEach(async () => {
    for (const kind of ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'])
      await call('DELETE', `${GROUP}/${kind}?labelSelector=t%3Dy`)
    await settled()
  })

  /** Plugins hear of configurations through a watch; a write after it has been seen. */
  const settled = (): Promise<void> => pause(30)
  const rule = (group: string, resource: string, ...operations: string[]): object => ({
    apiGroups: [group],
    apiVersions: ['*'],
    resources: [resource],
    operations: operations.length === 0 ? ['*'] : operations,
  })
  async function register(kind: Hooks, name: string, path: string, more: object): Promise<void> {
    const webhook = {
      name: `${name}.example.com`,
      clientConfig: hook.clientConfig(path),
      sideEffects: 'None',
      admissionReviewVersions: ['v1', 'v1beta1'],
      ...more,
    }
    const answer = await call('POST', `${GROUP}/${kind}`, { metadata: { name, labels: { t: 'y' } }, webhooks: [webhook] })
    assert.equal(answer.status, 201, answer.text)
    await settled()
  }
  const map = (name: string, data: object = {}, labels: object = {}): object => ({ metadata: { name, labels }, data })
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'x' }] } }

  it('stand in discovery', async () => {
    const { json } = await call('GET', GROUP)
    const names = json.resources.map(({ name }: { name: string }) => name)
    for (const kind of ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations']) assert.ok(names.includes(kind))
  })

  it('refuse with their own words on create, update and patch, and let a namespace out by its labels', async () => {
    const namespaceSelector = { matchExpressions: [{ key: 'skip', operator: 'NotIn', values: ['yes'] }] }
    await register('validatingwebhookconfigurations', 'deny', '/deny', { rules: [rule('', 'configmaps')], namespaceSelector })
    const refused = await call('POST', MAPS, map('a', { deny: 'x' }))
    assert.deepEqual(
      [refused.status, refused.json.message],
      [400, 'admission webhook "deny.example.com" denied the request: the object contains unwanted data'],
    )
    assert.equal((await call('POST', MAPS, map('a'))).status, 201)
    const merge = { headers: { 'content-type': 'application/merge-patch+json' } }
    assert.equal((await call('PATCH', `${MAPS}/a`, { data: { deny: 'x' } }, merge)).status, 400)
    assert.equal((await call('PUT', `${MAPS}/a`, map('a', { deny: 'x' }))).status, 400)
    await call('POST', '/api/v1/namespaces', { metadata: { name: 'free', labels: { skip: 'yes' } } })
    assert.equal((await call('POST', '/api/v1/namespaces/free/configmaps', map('a', { deny: 'x' }))).status, 201)
    await call('DELETE', `${MAPS}/a`)
  })

  it('change with their configuration, and only what its rules name', async () => {
    await register('validatingwebhookconfigurations', 'deny', '/deny', { rules: [rule('', 'configmaps', 'CREATE')] })
    const json = { headers: { 'content-type': 'application/json-patch+json' } }
    const url = `${GROUP}/validatingwebhookconfigurations/deny`
    const operations = (value: string[]): object[] => [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value }]
    assert.equal((await call('POST', MAPS, map('b', { deny: 'x' }))).status, 400)
    assert.equal((await call('PATCH', url, operations(['UPDATE']), json)).status, 200)
    await eventually(async () => assert.equal((await call('POST', `${MAPS}?dryRun=All`, map('b', { deny: 'x' }))).status, 201))
    assert.equal((await call('PATCH', url, operations(['CREATE']), json)).status, 200)
    await eventually(async () => assert.equal((await call('POST', `${MAPS}?dryRun=All`, map('b', { deny: 'x' }))).status, 400))
  })

  it('refuse to attach to a pod', async () => {
    assert.equal((await call('POST', PODS, pod)).status, 201)
    await register('validatingwebhookconfigurations', 'attach', '/attach', { rules: [rule('', 'pods/attach', 'CONNECT')] })
    const refused = await call('POST', `${PODS}/p/attach?container=a&stdin=true`)
    assert.match(refused.text, /attaching to pod 'p' is not allowed/)
    await call('DELETE', `${PODS}/p?gracePeriodSeconds=0`)
  })

  it('refuse definitions of custom kinds', async () => {
    await register('validatingwebhookconfigurations', 'crd', '/crd', { rules: [rule('apiextensions.k8s.io', 'customresourcedefinitions')] })
    const refused = await call('POST', CRDS, { ...definition(), metadata: { name: 'things.hooks.example.com', labels: { deny: 'yes' } } })
    assert.match(refused.json.message, /denied the request: the crd contains unwanted label/)
  })

  it('fill in what defaults then complete', async () => {
    await register('mutatingwebhookconfigurations', 'pod', '/pod', { rules: [rule('', 'pods', 'CREATE')] })
    const { json } = await call('POST', `${PODS}?dryRun=All`, pod)
    const [added] = json.spec.initContainers
    assert.deepEqual([added.name, added.terminationMessagePolicy, added.terminationMessagePath], ['added', 'File', '/dev/termination-log'])
  })

  it('change everything but what an object selector leaves out', async () => {
    const objectSelector = { matchExpressions: [{ key: 'skip-me', operator: 'NotIn', values: ['yes'] }] }
    await register('mutatingwebhookconfigurations', 'stage', '/stage', { rules: [rule('*', '*', 'CREATE')], objectSelector })
    assert.equal((await call('POST', `${MAPS}?dryRun=All`, map('c', { a: 'b' }))).json.data.stage1, 'yes')
    assert.equal((await call('POST', `${MAPS}?dryRun=All`, map('c', { a: 'b' }, { 'skip-me': 'yes' }))).json.data.stage1, undefined)
  })

  it('neither change nor hold up configurations of webhooks', async () => {
    for (const kind of ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'] as const) {
      await register('mutatingwebhookconfigurations', `change-${kind}`, '/configuration', { rules: [rule('*', kind)] })
      await register('validatingwebhookconfigurations', `hold-${kind}`, '/attach', { rules: [rule('*', kind)] })
      await register(kind, 'subject', '/deny', { rules: [rule('', 'nothing')] })
      assert.equal((await call('GET', `${GROUP}/${kind}/subject`)).json.metadata.labels.changed, undefined)
      assert.equal((await call('DELETE', `${GROUP}/${kind}/subject`)).status, 200)
    }
  })

  it('have only as much time as they may take, and fail open or closed', async () => {
    const slow = { rules: [rule('', 'configmaps', 'CREATE')], timeoutSeconds: 1 }
    await register('validatingwebhookconfigurations', 'slow', '/slow', { ...slow, failurePolicy: 'Fail' })
    const late = await call('POST', MAPS, map('d'))
    assert.equal(late.status, 500)
    assert.match(late.json.message, /failed calling webhook "slow\.example\.com": .*timeout=1s.*(?:context deadline exceeded|timeout)/)
    await call('DELETE', `${GROUP}/validatingwebhookconfigurations/slow`)
    await register('validatingwebhookconfigurations', 'slow', '/slow', { ...slow, failurePolicy: 'Ignore' })
    assert.equal((await call('POST', MAPS, map('d'))).status, 201)
    await call('DELETE', `${GROUP}/validatingwebhookconfigurations/slow`)
    const clientConfig = { ...hook.clientConfig('/deny'), caBundle: undefined }
    await register('validatingwebhookconfigurations', 'closed', '/deny', { rules: [rule('', 'configmaps')], clientConfig })
    const closed = await call('POST', MAPS, map('e'))
    assert.deepEqual([closed.status, /failed calling webhook "closed\.example\.com"/.test(closed.json.message)], [500, true])
  })

  it('see custom resources, whose unknown fields go after them, in every stored version', async () => {
    assert.equal((await call('POST', CRDS, definition())).status, 201)
    await eventually(async () => assert.equal((await call('GET', THINGS)).status, 200))
    await register('mutatingwebhookconfigurations', 'stage', '/stage', { rules: [rule('hooks.example.com', 'things', 'CREATE', 'UPDATE')] })
    await register('validatingwebhookconfigurations', 'deny', '/deny', { rules: [rule('hooks.example.com', 'things')] })
    const thing = (name: string, data: object): object => ({ apiVersion: 'hooks.example.com/v1', kind: 'Thing', metadata: { name }, data })
    const created = await call('POST', THINGS, thing('t', { a: 'b' }))
    assert.deepEqual(created.json.data, { a: 'b', stage1: 'yes' })
    assert.match((await call('POST', THINGS, thing('u', { deny: 'x' }))).text, /unwanted data/)
    const json = { headers: { 'content-type': 'application/json-patch+json' } }
    const stored = [
      { op: 'replace', path: '/spec/versions/0/storage', value: false },
      { op: 'replace', path: '/spec/versions/1/storage', value: true },
    ]
    assert.equal((await call('PATCH', `${CRDS}/things.hooks.example.com`, stored, json)).status, 200)
    await settled()
    const merge = { headers: { 'content-type': 'application/merge-patch+json' } }
    const patched = await call('PATCH', `${THINGS}/t`, { data: { stage1: null, c: 'd' } }, merge)
    assert.deepEqual(patched.json.data, { a: 'b', c: 'd', stage1: 'yes' })
  })

  it('asked about one version are asked about the others as well', async () => {
    const only = { apiGroups: ['hooks.example.com'], apiVersions: ['v1'], resources: ['things'], operations: ['CREATE'] }
    await register('validatingwebhookconfigurations', 'deny', '/deny', { rules: [only] })
    hook.requests.length = 0
    const refused = await call('POST', THINGS.replace('/v1/', '/v2/'), {
      apiVersion: 'hooks.example.com/v2',
      kind: 'Thing',
      metadata: { name: 'v' },
      data: { deny: 'x' },
    })
    assert.match(refused.text, /unwanted data/)
    const body = hook.requests[0]?.body
    assert.deepEqual(
      [body.request.kind.version, body.request.requestKind.version, body.request.object.apiVersion],
      ['v1', 'v2', 'hooks.example.com/v1'],
    )
  })
})

function definition(): { readonly metadata: object } & Record<string, unknown> {
  const values = { type: 'object', properties: Object.fromEntries(['a', 'c', 'deny', 'stage1'].map((name) => [name, { type: 'string' }])) }
  const schema = { openAPIV3Schema: { type: 'object', properties: { data: values } } }
  return {
    metadata: { name: 'things.hooks.example.com' },
    spec: {
      group: 'hooks.example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [
        { name: 'v1', served: true, storage: true, schema },
        { name: 'v2', served: true, storage: false, schema },
      ],
    },
  }
}
