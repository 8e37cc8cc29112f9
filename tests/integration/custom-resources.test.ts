/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createDiscovery } from '../../core/apiserver/discovery/discovery.ts'
import { keepLocalApiServices } from '../../core/apiserver/extension/aggregation/keep-services.ts'
import { startCustomResources } from '../../core/apiserver/extension/custom-resources.ts'
import { createObjectReader } from '../../core/apiserver/object-reader.ts'
import type { ApiServerDeps } from '../../core/apiserver/server.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { type Answer, type Engine, startEngine } from '../helpers/engine.ts'
import { eventually } from '../helpers/eventually.ts'

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const TABS = '/apis/stable.example.com/v1/namespaces/default/crontabs'

const SPEC_SCHEMA = {
  type: 'object',
  required: ['cronSpec'],
  properties: {
    cronSpec: { type: 'string', pattern: '^(\\S+ ){4}\\S+$' },
    image: { type: 'string', default: 'busybox' },
    replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
    port: { 'x-kubernetes-int-or-string': true },
    policy: { type: 'string', enum: ['Allow', 'Forbid'] },
    tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
  },
}

function definition(more: Record<string, unknown> = {}, version: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'crontabs.stable.example.com' },
    spec: {
      group: 'stable.example.com',
      scope: 'Namespaced',
      names: { plural: 'crontabs', kind: 'CronTab', shortNames: ['ct'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: SPEC_SCHEMA,
                status: { type: 'object', properties: { replicas: { type: 'integer' }, phase: { type: 'string' } } },
              },
            },
          },
          subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
          additionalPrinterColumns: [
            { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
            { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
          ],
          selectableFields: [{ jsonPath: '.spec.policy' }],
          ...version,
        },
      ],
      ...more,
    },
  }
}

const tab = (name: string, spec: Record<string, unknown> = {}): Record<string, unknown> => ({
  apiVersion: 'stable.example.com/v1',
  kind: 'CronTab',
  metadata: { name },
  spec: { cronSpec: '* * * * *', ...spec },
})

interface Cluster {
  readonly engine: Engine
  readonly deps: ApiServerDeps
  readonly call: Engine['call']
}

async function withCluster(run: (cluster: Cluster) => Promise<void>): Promise<void> {
  let deps: ApiServerDeps | undefined
  await using engine = await startEngine({
    with: (given) => {
      const discovery = createDiscovery({ resources: () => given.resources.all(), version: {} as never, serverAddress: '', nowMs: () => 0 })
      deps = { ...given, paths: [discovery] }
      return deps
    },
  })
  assert.ok(deps)
  const life = new AbortController()
  const { resources, cacheOf } = deps
  const reader = createObjectReader({ resources, cacheOf, signal: life.signal, log: silentLogger })
  const shared = { resources, reader, handle: engine.server.handle, clock: systemClock, log: silentLogger, signal: life.signal }
  const custom = await startCustomResources({
    ...shared,
    caches: engine.caches,
    webhooks: { call: () => Promise.reject(new Error('there is no webhook')) },
  })
  const services = keepLocalApiServices(shared)
  try {
    await run({ engine, deps, call: engine.call })
  } finally {
    life.abort(new Error('the test is over'))
    await Promise.all([custom.done, services])
  }
}

async function established(call: Engine['call'], name = 'crontabs.stable.example.com'): Promise<Answer> {
  return eventually(async () => {
    const answer = await call('GET', `${CRDS}/${name}`)
    const condition = answer.json.status.conditions.find((c: { type: string }) => c.type === 'Established')
    assert.equal(condition?.status, 'True')
    return answer
  })
}

async function withTabs(run: (cluster: Cluster) => Promise<void>, more = {}, version = {}): Promise<void> {
  await withCluster(async (cluster) => {
    const made = await cluster.call('POST', CRDS, definition(more, version))
    assert.equal(made.status, 201, made.text)
    await established(cluster.call)
    await run(cluster)
  })
}

describe('a CustomResourceDefinition', () => {
  it('is defaulted, gets its names accepted and is established', () =>
    withTabs(async ({ call }) => {
      const { spec, status } = (await established(call)).json
      assert.deepEqual(spec.names, {
        plural: 'crontabs',
        singular: 'crontab',
        kind: 'CronTab',
        listKind: 'CronTabList',
        shortNames: ['ct'],
      })
      assert.deepEqual(spec.conversion, { strategy: 'None' })
      assert.deepEqual(status.acceptedNames, spec.names)
      assert.deepEqual(status.storedVersions, ['v1'])
      assert.deepEqual(
        status.conditions.map((c: { type: string; reason: string }) => `${c.type} ${c.reason}`),
        ['NamesAccepted NoConflicts', 'Established InitialNamesAccepted'],
      )
    }))

  it('is refused with the messages of Kubernetes', () =>
    withCluster(async ({ call }) => {
      const bad = definition(
        { scope: 'Galaxy' },
        { schema: { openAPIV3Schema: { type: 'object', properties: { spec: { properties: {} } } } } },
      )
      const answer = await call('POST', CRDS, bad)
      assert.equal(answer.status, 422)
      assert.equal(
        answer.json.message,
        'CustomResourceDefinition.apiextensions.k8s.io "crontabs.stable.example.com" is invalid: [spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced", spec.validation.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields, spec.selectableFields[0].jsonPath: Invalid value: ".spec.policy": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.]',
      )
    }))

  it('shows up in discovery and OpenAPI, and leaves them when it goes', () =>
    withTabs(async ({ call }) => {
      const list = (await call('GET', '/apis/stable.example.com/v1')).json
      assert.deepEqual(
        list.resources.map((r: { name: string }) => r.name),
        ['crontabs', 'crontabs/scale', 'crontabs/status'],
      )
      assert.equal((await call('GET', '/openapi/v3/apis/stable.example.com/v1')).status, 200)
      assert.equal((await call('DELETE', `${CRDS}/crontabs.stable.example.com`)).status, 200)
      await eventually(async () => {
        assert.equal((await call('GET', `${CRDS}/crontabs.stable.example.com`)).status, 404)
        assert.equal((await call('GET', '/apis/stable.example.com/v1')).status, 404)
        assert.equal((await call('GET', TABS)).status, 404)
      })
    }))

  it('takes its objects along, once their finalizers are gone', () =>
    withTabs(async ({ call }) => {
      await call('POST', TABS, tab('free'))
      const held = { ...tab('held'), metadata: { name: 'held', finalizers: ['example.com/hold'] } }
      await call('POST', TABS, held)
      assert.equal((await call('DELETE', `${CRDS}/crontabs.stable.example.com`)).status, 200)
      await eventually(async () => assert.equal((await call('GET', `${TABS}/free`)).status, 404))
      const crd = (await call('GET', `${CRDS}/crontabs.stable.example.com`)).json
      assert.deepEqual(crd.metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io'])
      await eventually(async () => assert.equal((await call('POST', TABS, tab('late'))).status, 405))
      const patch = { metadata: { finalizers: null } }
      await call('PATCH', `${TABS}/held`, patch, { headers: { 'content-type': 'application/merge-patch+json' } })
      await eventually(async () => assert.equal((await call('GET', `${CRDS}/crontabs.stable.example.com`)).status, 404))
    }))

  it('waits for names that another one holds', () =>
    withTabs(async ({ call }) => {
      const rival = definition({ names: { plural: 'rivals', singular: 'rival', kind: 'CronTab' } }) as { metadata: { name: string } }
      rival.metadata.name = 'rivals.stable.example.com'
      assert.equal((await call('POST', CRDS, rival)).status, 201)
      await eventually(async () => {
        const { conditions } = (await call('GET', `${CRDS}/rivals.stable.example.com`)).json.status
        assert.deepEqual(
          conditions.map((c: { type: string; status: string; reason: string }) => [c.type, c.status, c.reason]),
          [
            ['NamesAccepted', 'False', 'ListKindConflict'],
            ['Established', 'False', 'NotAccepted'],
          ],
        )
      })
      await call('DELETE', `${CRDS}/crontabs.stable.example.com`)
      await established(call, 'rivals.stable.example.com')
    }))

  it('keeps group, scope and kind once it is established', () =>
    withTabs(async ({ call }) => {
      const crd = (await established(call)).json
      crd.spec.scope = 'Cluster'
      const answer = await call('PUT', `${CRDS}/crontabs.stable.example.com`, crd)
      assert.equal(answer.status, 422)
      assert.match(answer.json.message, /spec\.scope: Invalid value: "Cluster": field is immutable/)
    }))
})

describe('a custom object', () => {
  it('is pruned and defaulted', () =>
    withTabs(async ({ call }) => {
      const made = await call('POST', TABS, tab('one', { extra: 1, port: 'http' }))
      assert.equal(made.status, 201, made.text)
      assert.deepEqual(made.json.spec, { cronSpec: '* * * * *', port: 'http', image: 'busybox', replicas: 1 })
      assert.equal(made.json.metadata.generation, 1)
      assert.match(made.headers['warning'] ?? '', /unknown field \\"spec\.extra\\"/)
      const strict = await call('POST', `${TABS}?fieldValidation=Strict`, tab('two', { extra: 1 }))
      assert.equal(strict.status, 400)
      assert.equal(
        strict.json.message,
        'CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.extra"',
      )
    }))

  it('is validated with the messages of Kubernetes', () =>
    withTabs(async ({ call }) => {
      for (const [spec, want] of [
        [{ cronSpec: 'x' }, 'spec.cronSpec: Invalid value: "x": spec.cronSpec in body should match \'^(\\S+ ){4}\\S+$\''],
        [{ replicas: 0 }, 'spec.replicas: Invalid value: 0: spec.replicas in body should be greater than or equal to 1'],
        [{ image: 5 }, 'spec.image: Invalid value: "integer": spec.image in body must be of type string: "integer"'],
        [{ policy: 'No' }, 'spec.policy: Unsupported value: "No": supported values: "Allow", "Forbid"'],
        [{ port: true }, 'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"'],
        [{ tags: ['a', 'b', 'a'] }, 'spec.tags[2]: Duplicate value: "a"'],
        [{ cronSpec: undefined }, 'spec.cronSpec: Required value'],
      ] as const) {
        const answer = await call('POST', TABS, tab('bad', spec))
        assert.equal(answer.status, 422)
        assert.equal(answer.json.message, `CronTab.stable.example.com "bad" is invalid: ${want}`)
      }
    }))

  it('has its status apart, and a generation that counts changes of the rest', () =>
    withTabs(async ({ call }) => {
      const { json: made } = await call('POST', TABS, { ...tab('one'), status: { phase: 'Early' } })
      assert.equal(made.status, undefined)
      const status = await call('PUT', `${TABS}/one/status`, { ...made, spec: { cronSpec: 'x' }, status: { phase: 'Ready', replicas: 1 } })
      assert.equal(status.status, 200, status.text)
      assert.deepEqual(
        [status.json.spec, status.json.status, status.json.metadata.generation],
        [made.spec, { phase: 'Ready', replicas: 1 }, 1],
      )
      const spec = await call('PUT', `${TABS}/one`, { ...status.json, spec: { ...made.spec, image: 'other' }, status: { phase: 'Lost' } })
      assert.deepEqual([spec.json.spec.image, spec.json.status.phase, spec.json.metadata.generation], ['other', 'Ready', 2])
    }))

  it('scales', () =>
    withTabs(async ({ call }) => {
      await call('POST', TABS, tab('one'))
      const scaled = await call(
        'PATCH',
        `${TABS}/one/scale`,
        { spec: { replicas: 4 } },
        { headers: { 'content-type': 'application/merge-patch+json' } },
      )
      assert.equal(scaled.status, 200, scaled.text)
      assert.equal((await call('GET', `${TABS}/one`)).json.spec.replicas, 4)
    }))

  it('is printed with the columns of its definition', () =>
    withTabs(async ({ call }) => {
      await call('POST', TABS, tab('one'))
      const table = (await call('GET', TABS, undefined, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } })).json
      assert.deepEqual(
        table.columnDefinitions.map((c: { name: string }) => c.name),
        ['Name', 'Spec', 'Replicas'],
      )
      assert.deepEqual(table.rows[0].cells, ['one', '* * * * *', 1])
    }))

  it('is selected by the fields of its definition', () =>
    withTabs(async ({ call }) => {
      await call('POST', TABS, tab('one', { policy: 'Allow' }))
      await call('POST', TABS, tab('two', { policy: 'Forbid' }))
      const { items } = (await call('GET', `${TABS}?fieldSelector=spec.policy%3DAllow`)).json
      assert.deepEqual(
        items.map((item: { metadata: { name: string } }) => item.metadata.name),
        ['one'],
      )
    }))

  it('is watched and applied like any other', () =>
    withTabs(async ({ engine, call }) => {
      const watch = await engine.watch(`${TABS}?watch=true`)
      const headers = { 'content-type': 'application/apply-patch+yaml' }
      const applied = await call('PATCH', `${TABS}/one?fieldManager=me`, tab('one', { replicas: 2 }), { headers })
      assert.equal(applied.status, 201, applied.text)
      const event = await watch.next()
      assert.deepEqual([event?.type, event?.object.metadata.name], ['ADDED', 'one'])
      const other = await call('PATCH', `${TABS}/one?fieldManager=you`, tab('one', { replicas: 3 }), { headers })
      assert.equal(other.status, 409)
      watch.close()
    }))

  it('refuses strategic merge and protobuf', () =>
    withTabs(async ({ call }) => {
      await call('POST', TABS, tab('one'))
      const headers = { 'content-type': 'application/strategic-merge-patch+json' }
      assert.equal((await call('PATCH', `${TABS}/one`, { spec: {} }, { headers })).status, 415)
      assert.equal((await call('GET', TABS, undefined, { headers: { accept: 'application/vnd.kubernetes.protobuf' } })).status, 406)
    }))
})

describe('several versions', () => {
  it('show one stored object, with defaults of the newest schema', () =>
    withTabs(async ({ call }) => {
      await call('POST', TABS, tab('one'))
      const crd = (await established(call)).json
      const [v1] = crd.spec.versions
      const v2 = structuredClone(v1)
      v2.name = 'v2'
      v2.schema.openAPIV3Schema.properties.spec.properties.level = { type: 'string', default: 'low' }
      v1.storage = false
      const updated = await call('PUT', `${CRDS}/crontabs.stable.example.com`, { ...crd, spec: { ...crd.spec, versions: [v1, v2] } })
      assert.equal(updated.status, 200, updated.text)
      assert.deepEqual(updated.json.status.storedVersions, ['v1', 'v2'])
      await eventually(async () => {
        const { json } = await call('GET', TABS.replace('/v1/', '/v2/') + '/one')
        assert.deepEqual([json.apiVersion, json.spec?.level], ['stable.example.com/v2', 'low'])
      })
      const { json: old } = await call('GET', `${TABS}/one`)
      assert.deepEqual([old.apiVersion, old.spec.level], ['stable.example.com/v1', undefined])
      assert.equal((await call('POST', TABS, tab('two'))).json.apiVersion, 'stable.example.com/v1')
      const list = (await call('GET', TABS.replace('/v1/', '/v2/'))).json
      assert.deepEqual(
        list.items.map((item: { apiVersion: string }) => item.apiVersion),
        ['stable.example.com/v2', 'stable.example.com/v2'],
      )
    }))

  it('tolerates what a stricter schema would refuse, as long as it does not change', () =>
    withTabs(async ({ call }) => {
      await call('POST', TABS, tab('one', { image: 'x' }))
      const crd = (await established(call)).json
      crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.image.minLength = 3
      assert.equal((await call('PUT', `${CRDS}/crontabs.stable.example.com`, crd)).status, 200)
      const patch = (spec: object): Promise<Answer> =>
        call('PATCH', `${TABS}/one`, { spec }, { headers: { 'content-type': 'application/merge-patch+json' } })
      await eventually(async () => assert.equal((await call('POST', TABS, tab('two', { image: 'x' }))).status, 422))
      assert.equal((await patch({ replicas: 3 })).status, 200)
      assert.equal((await patch({ image: 'y' })).status, 422)
    }))
})

describe('APIServices', () => {
  const SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices'

  it('stand for every group version that is served, and tell that it is available', () =>
    withTabs(async ({ call }) => {
      await eventually(async () => {
        for (const name of ['v1.', 'v1.apps', 'v1.stable.example.com']) {
          const { json } = await call('GET', `${SERVICES}/${name}`)
          assert.deepEqual(
            json.status?.conditions?.map((c: { type: string; reason: string }) => [c.type, c.reason]),
            [['Available', 'Local']],
            name,
          )
        }
      })
      assert.equal((await call('GET', `${SERVICES}/v1.apiregistration.k8s.io`)).status, 404)
      await call('DELETE', `${CRDS}/crontabs.stable.example.com`)
      await eventually(async () => assert.equal((await call('GET', `${SERVICES}/v1.stable.example.com`)).status, 404))
    }))
})
