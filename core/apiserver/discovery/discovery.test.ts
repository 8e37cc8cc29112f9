import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeProtobuf } from '../../api/protobuf/protobuf.ts'
import { Reader } from '../../api/protobuf/reader.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import { RESOURCES } from '../resources/index.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import { AGGREGATED_TYPE } from './aggregated.ts'
import { createDiscovery } from './discovery.ts'
import { compareVersions } from './version-order.ts'

type Json = Record<string, unknown>

const podLike = RESOURCES.find((def) => def.resource === 'configmaps')
assert.ok(podLike)

/** A custom kind as the extension machinery would make it. */
const custom: ResourceDef = {
  ...podLike,
  group: 'stable.example.com',
  version: 'v1',
  kind: 'CronTab',
  listKind: 'CronTabList',
  resource: 'crontabs',
  singular: 'crontab',
  shortNames: ['ct'],
  schema: { type: 'object', fields: new Map() },
  openApiSchema: { type: 'object', properties: { spec: { type: 'object', properties: { cronSpec: { type: 'string', nullable: true } } } } },
  subresources: {
    scale: { type: 'scale', verbs: ['get', 'patch', 'update'], specReplicas: '.spec.replicas', statusReplicas: '.status.replicas' },
  },
}

let resources: readonly ResourceDef[] = RESOURCES
const version = {
  major: '1',
  minor: '35',
  emulationMajor: '1',
  emulationMinor: '35',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '34',
  gitVersion: 'v1.35.0',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '',
  goVersion: '',
  compiler: '',
  platform: '',
}
const discovery = createDiscovery({
  resources: () => resources,
  version,
  serverAddress: '10.0.0.1:6443',
  nowMs: () => 0,
  describe: (name) => ({ text: `about ${name}`, fields: { strategy: 'the strategy' } }),
})

function ask(url: string, headers: Record<string, string> = {}): ApiResponse | undefined {
  const { pathname, searchParams } = new URL(url, 'http://x')
  return discovery({ method: 'GET', path: pathname, query: searchParams, headers } as unknown as ApiRequest)
}

function get(url: string, headers: Record<string, string> = {}): Json {
  const response = ask(url, headers)
  assert.equal(response?.status, 200, url)
  return JSON.parse(Buffer.from(response.body as Uint8Array).toString()) as Json
}

function withCustom<T>(run: () => T): T {
  resources = [...RESOURCES, custom]
  try {
    return run()
  } finally {
    resources = RESOURCES
  }
}

describe('plain discovery', () => {
  it('lists groups by priority, the registering one first and custom ones last', () => {
    const groups = withCustom(() => (get('/apis')['groups'] as { name: string }[]).map(({ name }) => name))
    assert.deepEqual(groups.slice(0, 3), ['apiregistration.k8s.io', 'apps', 'events.k8s.io'])
    assert.equal(groups.at(-1), 'stable.example.com')
    assert.ok(!groups.includes(''))
  })

  it('shows the legacy group without an apiVersion and others with one', () => {
    assert.deepEqual([get('/api/v1')['apiVersion'], get('/api/v1')['groupVersion']], [undefined, 'v1'])
    assert.deepEqual([get('/apis/apps/v1')['apiVersion'], get('/apis/apps/v1')['groupVersion']], ['v1', 'apps/v1'])
    assert.deepEqual(get('/apis/autoscaling')['preferredVersion'], { groupVersion: 'autoscaling/v2', version: 'v2' })
  })

  it('names subresources below their resource, with the group of a foreign kind', () => {
    const entries = get('/apis/apps/v1')['resources'] as { name: string }[]
    assert.deepEqual(
      entries.find(({ name }) => name === 'deployments/scale'),
      {
        name: 'deployments/scale',
        singularName: '',
        namespaced: true,
        group: 'autoscaling',
        version: 'v1',
        kind: 'Scale',
        verbs: ['get', 'patch', 'update'],
      },
    )
    const pods = get('/api/v1')['resources'] as Json[]
    assert.deepEqual(
      pods.find((entry) => entry['name'] === 'pods'),
      {
        name: 'pods',
        singularName: 'pod',
        namespaced: true,
        kind: 'Pod',
        verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
        shortNames: ['po'],
        categories: ['all'],
        storageVersionHash: 'xPOwRZ+Yhw8=',
      },
    )
  })

  it('speaks protobuf', () => {
    const response = ask('/apis/batch', { accept: 'application/vnd.kubernetes.protobuf' })
    assert.equal(decodeProtobuf(response?.body as Uint8Array)['name'], 'batch')
  })

  it('leaves other paths and unknown groups to others', () => {
    for (const path of ['/', '/apis/nothing', '/apis/apps/v9', '/api/v1/pods', '/apis/apps/v1/deployments', '/healthz', '/openapi/v4']) {
      assert.equal(ask(path), undefined, path)
    }
  })
})

describe('aggregated discovery', () => {
  const accept = `${AGGREGATED_TYPE},application/json`

  it('answers everything in one document with an entity tag', () => {
    const response = ask('/apis', { accept })
    assert.equal(response?.headers['content-type'], AGGREGATED_TYPE)
    const items = get('/apis', { accept })['items'] as { metadata: Json; versions: { version: string; resources: Json[] }[] }[]
    const apps = items.find(({ metadata }) => metadata['name'] === 'apps')?.versions[0]
    const deployments = apps?.resources.find((entry) => entry['resource'] === 'deployments')
    assert.deepEqual(deployments?.['responseKind'], { group: 'apps', version: 'v1', kind: 'Deployment' })
    assert.equal(deployments['scope'], 'Namespaced')
    assert.equal(ask('/apis', { accept, 'if-none-match': response.headers['etag'] ?? '' })?.status, 304)
  })

  it('changes its tag with the resources', () => {
    const before = ask('/apis', { accept })?.headers['etag']
    assert.notEqual(
      withCustom(() => ask('/apis', { accept })?.headers['etag']),
      before,
    )
  })

  it('gives the plain form to who asks for that first', () => {
    assert.equal(get('/apis', { accept: 'application/json' })['kind'], 'APIGroupList')
    assert.equal(get('/api', { accept })['kind'], 'APIGroupDiscoveryList')
  })
})

describe('group versions of extension servers', () => {
  const metrics = { group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100, available: false }
  const item = { resource: 'nodes', scope: 'Cluster', singularResource: '', verbs: ['get', 'list'] }
  const behind = createDiscovery({
    resources: () => RESOURCES,
    remote: () => [REMOTE],
    version,
    serverAddress: '',
    nowMs: () => 0,
    describe: () => ({ text: '', fields: {} }),
  })
  const REMOTE = { ...metrics, resources: [item] }
  const answer = (path: string, accept = ''): ApiResponse | undefined =>
    behind({ method: 'GET', path, query: new URLSearchParams(), headers: { accept } } as unknown as ApiRequest)
  const body = (response: ApiResponse | undefined): Json => JSON.parse(Buffer.from(response?.body as Uint8Array).toString()) as Json

  it('are listed last, with what that server told about them', () => {
    assert.deepEqual((body(answer('/apis'))['groups'] as Json[]).at(-1)?.['name'], 'metrics.k8s.io')
    const items = body(answer('/apis', AGGREGATED_TYPE))['items'] as { versions: Json[] }[]
    assert.deepEqual(items.at(-1)?.versions, [{ version: 'v1beta1', resources: [item], freshness: 'Stale' }])
  })

  it('answer for their own paths', () => {
    assert.equal(answer('/apis/metrics.k8s.io/v1beta1'), undefined)
    assert.equal(body(answer('/apis/metrics.k8s.io'))['kind'], 'APIGroup')
  })
})

describe('OpenAPI 3', () => {
  const urlOf = (path: string): string =>
    (get('/openapi/v3')['paths'] as Record<string, { serverRelativeURL: string }>)[path]?.serverRelativeURL ?? ''

  it('serves documents under their hash for a year, and sends a stale hash to the current one', () => {
    const fresh = ask(urlOf('apis/apps/v1'))
    assert.deepEqual([fresh?.status, fresh?.headers['cache-control']], [200, 'public, immutable'])
    const stale = ask('/openapi/v3/apis/apps/v1?hash=OLD')
    assert.deepEqual([stale?.status, stale?.headers['location']], [301, urlOf('apis/apps/v1')])
    assert.equal(ask('/openapi/v3/apis/apps/v1')?.headers['cache-control'], 'no-cache, private')
  })

  it('describes kinds with merge keys and descriptions', () => {
    const document = get('/openapi/v3/apis/apps/v1') as { components: { schemas: Record<string, Json> }; paths: Json }
    const { schemas } = document.components
    const deployment = schemas['io.k8s.api.apps.v1.Deployment']
    assert.deepEqual(deployment?.['x-kubernetes-group-version-kind'], [{ group: 'apps', version: 'v1', kind: 'Deployment' }])
    const spec = schemas['io.k8s.api.apps.v1.DeploymentSpec']?.['properties'] as Record<string, Json>
    assert.deepEqual(spec['strategy'], {
      description: 'the strategy',
      default: {},
      'x-kubernetes-patch-strategy': 'retainKeys',
      allOf: [{ $ref: '#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy' }],
    })
    const ports = (schemas['io.k8s.api.core.v1.Container']?.['properties'] as Record<string, Json>)['ports']
    assert.deepEqual(ports?.['x-kubernetes-list-map-keys'], ['containerPort', 'protocol'])
    assert.equal(ports['x-kubernetes-patch-merge-key'], 'containerPort')
  })

  it('has every reference it uses, and no operation twice', () => {
    for (const path of Object.keys(get('/openapi/v3')['paths'] as Json)) {
      const document = get(`/openapi/v3/${path}`) as {
        components: { schemas: Json }
        paths: Record<string, Record<string, { operationId?: string }>>
      }
      const names = new Set(Object.keys(document.components.schemas))
      for (const [, name = ''] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
        assert.ok(names.has(name), `${path} ${name}`)
      const ids = Object.values(document.paths).flatMap((item) => Object.values(item).flatMap((op) => op.operationId ?? []))
      assert.equal(new Set(ids).size, ids.length, path)
    }
  })

  it('tells with each patch that it takes fieldValidation', () => {
    const { paths } = get('/openapi/v3/api/v1') as { paths: Record<string, { patch: { parameters: { name: string }[] } }> }
    const { patch } = paths['/api/v1/namespaces/{namespace}/configmaps/{name}'] ?? assert.fail()
    assert.ok(patch.parameters.some(({ name }) => name === 'fieldValidation'))
  })

  it('publishes custom kinds as their definition describes them', () => {
    withCustom(() => {
      const { components, paths } = get('/openapi/v3/apis/stable.example.com/v1') as {
        components: { schemas: Record<string, Json> }
        paths: Json
      }
      const schema = components.schemas['com.example.stable.v1.CronTab']
      assert.deepEqual(Object.keys(schema?.['properties'] as Json), ['apiVersion', 'kind', 'spec', 'metadata'])
      assert.ok('io.k8s.api.autoscaling.v1.Scale' in components.schemas)
      assert.ok('/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}/scale' in paths)
    })
  })
})

describe('OpenAPI 2', () => {
  it('has everything in one document, without what version 2 cannot say', () => {
    const document = withCustom(() => get('/openapi/v2')) as { definitions: Record<string, Json>; paths: Json }
    assert.ok('/apis/apps/v1/namespaces/{namespace}/deployments' in document.paths)
    const spec = (document.definitions['com.example.stable.v1.CronTab']?.['properties'] as Json)['spec']
    assert.deepEqual(spec, { type: 'object', properties: { cronSpec: {} } })
    for (const [, name = ''] of JSON.stringify(document).matchAll(/"#\/definitions\/([^"]+)"/g))
      assert.ok(name in document.definitions, name)
  })

  it('answers 406 to who takes another form alone', () => {
    assert.equal(ask('/openapi/v2', { accept: 'application/xml' })?.status, 406)
    assert.equal(ask('/openapi/v3/apis/apps/v1', { accept: 'application/com.github.proto-openapi.spec.v3@v1.0+protobuf' })?.status, 406)
  })

  it('has the protobuf form of version 2 that kubectl asks for', () => {
    const response = ask('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' })
    assert.equal(response?.status, 200)
    assert.equal(response.headers['content-type'], 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf')
    const document = new Reader(response.body as Uint8Array)
    const seen = new Map<number, number>()
    const names = new Set<string>()
    while (!document.done) {
      const tag = document.varint()
      const num = Math.floor(tag / 8)
      seen.set(num, (seen.get(num) ?? 0) + 1)
      if (num !== 9) document.skip(tag % 8)
      else for (const definitions = document.message(); !definitions.done; ) names.add(nameIn(definitions))
    }
    // swagger, info, paths, definitions, security, securityDefinitions
    assert.deepEqual(
      [...seen.keys()].sort((x, y) => x - y),
      [1, 2, 8, 9, 12, 13],
    )
    assert.ok(names.has('io.k8s.api.apps.v1.Deployment'))
  })

  function nameIn(definitions: Reader): string {
    definitions.varint()
    const named = definitions.message()
    named.varint()
    return named.string()
  }
})

describe('compareVersions', () => {
  it('puts stable versions before beta and alpha, newer before older, and odd names last', () => {
    const sorted = ['foo10', 'v1', 'v12alpha1', 'v10', 'v2', 'v3beta1', 'v11beta2', 'v11alpha2', 'foo1', 'v10beta3'].sort(compareVersions)
    assert.deepEqual(sorted, ['v10', 'v2', 'v1', 'v11beta2', 'v10beta3', 'v3beta1', 'v12alpha1', 'v11alpha2', 'foo1', 'foo10'])
  })
})
