/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Answer, type Engine, startEngine } from '../helpers/engine.ts'

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'

const deployment = (name: string, replicas = 2): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, labels: { app: name } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          { name: 'main', image: 'image:1' },
          { name: 'side', image: 'side:1' },
        ],
      },
    },
  },
})

const TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

const patcher =
  ({ call }: Engine) =>
  (type: keyof typeof TYPES, url: string, body: unknown): Promise<Answer> =>
    call('PATCH', url, body, { headers: { 'content-type': TYPES[type] } })

async function withEngine(run: (engine: Engine, patch: ReturnType<typeof patcher>) => Promise<void>): Promise<void> {
  await using engine = await startEngine()
  await run(engine, patcher(engine))
}

interface Container {
  readonly name: string
  readonly image: string
}

const images = (answer: Answer): string[] =>
  answer.json.spec.template.spec.containers.map(({ name, image }: Container) => `${name}=${image}`) as string[]

describe('patches', () => {
  it('merge lists by key when strategic, and bump the generation', () =>
    withEngine(async ({ call }, patch) => {
      const created = await call('POST', DEPLOYMENTS, deployment('web'))
      assert.equal(created.status, 201, created.text)
      assert.equal(created.json.metadata.generation, 1)
      const patched = await patch('strategic', `${DEPLOYMENTS}/web`, {
        spec: { template: { spec: { containers: [{ name: 'side', image: 'side:2' }] } } },
      })
      assert.equal(patched.status, 200, patched.text)
      assert.deepEqual(images(patched), ['main=image:1', 'side=side:2'])
      assert.equal(patched.json.metadata.generation, 2)
    }))

  it('replace lists when merging', () =>
    withEngine(async ({ call }, patch) => {
      await call('POST', DEPLOYMENTS, deployment('web'))
      const patched = await patch('merge', `${DEPLOYMENTS}/web`, {
        metadata: { labels: { app: null, new: 'x' } },
        spec: { template: { spec: { containers: [{ name: 'only', image: 'o:1' }] } } },
      })
      assert.deepEqual(images(patched), ['only=o:1'])
      assert.deepEqual(patched.json.metadata.labels, { new: 'x' })
    }))

  it('carry out operations, all or none', () =>
    withEngine(async ({ call }, patch) => {
      await call('POST', DEPLOYMENTS, deployment('web'))
      const replaced = await patch('json', `${DEPLOYMENTS}/web`, [
        { op: 'test', path: '/spec/replicas', value: 2 },
        { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'image:2' },
      ])
      assert.deepEqual(images(replaced), ['main=image:2', 'side=side:1'])
      const failed = await patch('json', `${DEPLOYMENTS}/web`, [
        { op: 'replace', path: '/spec/replicas', value: 9 },
        { op: 'test', path: '/metadata/name', value: 'other' },
      ])
      assert.equal(failed.status, 422)
      assert.equal(failed.json.message, 'the server rejected our request due to an error in our request')
      assert.equal((await call('GET', `${DEPLOYMENTS}/web`)).json.spec.replicas, 2)
    }))

  it('that change nothing are not written', () =>
    withEngine(async ({ call, caches }, patch) => {
      await call('POST', DEPLOYMENTS, deployment('web'))
      const { revision } = caches
      for (const type of ['merge', 'strategic'] as const)
        assert.equal((await patch(type, `${DEPLOYMENTS}/web`, { spec: { replicas: 2 } })).status, 200)
      assert.equal((await patch('strategic', `${DEPLOYMENTS}/web`, {})).status, 200)
      assert.equal(caches.revision, revision)
    }))

  it('with a revision are conditional', () =>
    withEngine(async ({ call }, patch) => {
      const { json } = await call('POST', DEPLOYMENTS, deployment('web'))
      const { resourceVersion } = json.metadata as { resourceVersion: string }
      assert.equal((await patch('merge', `${DEPLOYMENTS}/web`, { metadata: { resourceVersion }, spec: { replicas: 3 } })).status, 200)
      assert.equal((await patch('merge', `${DEPLOYMENTS}/web`, { metadata: { resourceVersion }, spec: { replicas: 4 } })).status, 409)
    }))

  it('of many writers at once all take effect', () =>
    withEngine(async ({ call }, patch) => {
      await call('POST', DEPLOYMENTS, deployment('web'))
      const keys = Array.from({ length: 6 }, (_, i) => `k${i}`)
      const answers = await Promise.all(
        keys.map((key) => patch('merge', `${DEPLOYMENTS}/web`, { metadata: { annotations: { [key]: 'x' } } })),
      )
      assert.deepEqual(
        answers.map(({ status }) => status),
        keys.map(() => 200),
      )
      assert.deepEqual(Object.keys((await call('GET', `${DEPLOYMENTS}/web`)).json.metadata.annotations as object).sort(), keys)
    }))

  it('must fit the kind', () =>
    withEngine(async ({ call }, patch) => {
      await call('POST', DEPLOYMENTS, deployment('web'))
      const wrong = await patch('merge', `${DEPLOYMENTS}/web`, { spec: { replicas: 'three' } })
      assert.equal(wrong.status, 422)
      assert.match(wrong.json.message, /cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32/)
      const unknown = await patch('merge', `${DEPLOYMENTS}/web?fieldValidation=Strict`, { spec: { replikas: 1 } })
      assert.equal(unknown.status, 422)
      assert.match(unknown.json.message, /strict decoding error: unknown field "spec\.replikas"/)
      const renamed = await patch('merge', `${DEPLOYMENTS}/web`, { metadata: { name: 'other' } })
      assert.deepEqual(
        [renamed.status, renamed.json.message],
        [400, 'the name of the object (other) does not match the name on the URL (web)'],
      )
    }))

  it('need a known type and an object', () =>
    withEngine(async ({ call }, patch) => {
      assert.equal((await patch('merge', `${DEPLOYMENTS}/none`, {})).status, 404)
      const answer = await call('PATCH', `${DEPLOYMENTS}/none`, {}, { headers: { 'content-type': 'application/json' } })
      assert.equal(answer.status, 415)
      assert.match(answer.json.message, /accepted media types include: application\/json-patch\+json, application\/merge-patch\+json, /)
    }))
})

describe('server-side apply', () => {
  const URL = `${DEPLOYMENTS}/web?fieldManager=me`

  it('creates, then changes, then leaves alone', () =>
    withEngine(async ({ caches }, patch) => {
      const created = await patch('apply', URL, deployment('web'))
      assert.equal(created.status, 201, created.text)
      assert.equal(created.json.metadata.managedFields[0].operation, 'Apply')
      const changed = await patch('apply', URL, deployment('web', 5))
      assert.deepEqual([changed.status, changed.json.spec.replicas], [200, 5])
      const { revision } = caches
      assert.equal((await patch('apply', URL, deployment('web', 5))).status, 200)
      assert.equal(caches.revision, revision)
    }))

  it('conflicts with another manager unless forced', () =>
    withEngine(async (_, patch) => {
      await patch('apply', URL, deployment('web'))
      await patch('merge', `${DEPLOYMENTS}/web?fieldManager=scaler`, { spec: { replicas: 7 } })
      const conflict = await patch('apply', URL, deployment('web', 3))
      assert.equal(conflict.status, 409)
      assert.match(conflict.json.message, /^Apply failed with 1 conflict: conflict with "scaler".* using apps\/v1: \.spec\.replicas$/)
      assert.deepEqual(
        conflict.json.details.causes.map(({ reason, field }: Record<string, string>) => [reason, field]),
        [['FieldManagerConflict', '.spec.replicas']],
      )
      const forced = await patch('apply', `${URL}&force=true`, deployment('web', 3))
      assert.deepEqual([forced.status, forced.json.spec.replicas], [200, 3])
    }))

  it('removes what is no longer applied', () =>
    withEngine(async (_, patch) => {
      const base = deployment('web') as { metadata: { annotations?: object } }
      await patch('apply', URL, { ...base, metadata: { ...base.metadata, annotations: { a: '1', b: '2' } } })
      const changed = await patch('apply', URL, { ...base, metadata: { ...base.metadata, annotations: { a: '1' } } })
      assert.deepEqual(changed.json.metadata.annotations, { a: '1' })
    }))

  it('needs a manager', () =>
    withEngine(async (_, patch) => {
      const answer = await patch('apply', `${DEPLOYMENTS}/web`, deployment('web'))
      assert.equal(answer.status, 422)
      assert.match(answer.json.message, /fieldManager: Required value: is required for apply patch/)
    }))

  it('reads YAML', () =>
    withEngine(async (_, patch) => {
      const answer = await patch(
        'apply',
        '/api/v1/namespaces/default/configmaps/m?fieldManager=me',
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  k: v\n',
      )
      assert.deepEqual([answer.status, answer.json.data], [201, { k: 'v' }])
    }))
})

describe('subresources', () => {
  it('status takes the status alone, the object everything else', () =>
    withEngine(async ({ call }, patch) => {
      const { json: created } = await call('POST', DEPLOYMENTS, { ...deployment('web'), status: { replicas: 9 } })
      assert.equal(created.status.replicas, undefined)
      const { json: after } = await call('PUT', `${DEPLOYMENTS}/web/status`, {
        ...created,
        spec: { ...created.spec, replicas: 9 },
        status: { replicas: 1, readyReplicas: 1 },
      })
      assert.deepEqual([after.spec.replicas, after.status.readyReplicas, after.metadata.generation], [2, 1, 1])
      const { json: merged } = await patch('merge', `${DEPLOYMENTS}/web`, { spec: { replicas: 3 }, status: { readyReplicas: 5 } })
      assert.deepEqual([merged.spec.replicas, merged.status.readyReplicas, merged.metadata.generation], [3, 1, 2])
      const managers = merged.metadata.managedFields.map((entry: { subresource?: string }) => entry.subresource ?? '')
      assert.deepEqual([...managers].sort(), ['', 'status'])
      assert.equal((await call('GET', `${DEPLOYMENTS}/web/status`)).status, 200)
      assert.equal((await call('DELETE', `${DEPLOYMENTS}/web/status`)).status, 405)
      assert.equal((await call('GET', `${DEPLOYMENTS}/web/nope`)).status, 404)
    }))

  it('scale shows and changes the replicas', () =>
    withEngine(async ({ call }, patch) => {
      await call('POST', DEPLOYMENTS, deployment('web'))
      const { json: scale } = await call('GET', `${DEPLOYMENTS}/web/scale`)
      assert.equal(`${scale.kind} ${scale.apiVersion}`, 'Scale autoscaling/v1')
      assert.deepEqual([scale.spec, scale.status], [{ replicas: 2 }, { replicas: 0, selector: 'app=web' }])
      const { json: put } = await call('PUT', `${DEPLOYMENTS}/web/scale`, { ...scale, spec: { replicas: 5 } })
      assert.deepEqual(put.spec, { replicas: 5 })
      assert.equal((await call('PUT', `${DEPLOYMENTS}/web/scale`, { ...scale, spec: { replicas: 6 } })).status, 409)
      assert.deepEqual((await patch('merge', `${DEPLOYMENTS}/web/scale`, { spec: { replicas: 0 } })).json.spec, {})
      const { json: parent } = await call('GET', `${DEPLOYMENTS}/web`)
      assert.deepEqual([parent.spec.replicas, parent.metadata.generation], [0, 3])
      const negative = await patch('merge', `${DEPLOYMENTS}/web/scale`, { spec: { replicas: -1 } })
      assert.deepEqual(
        [negative.status, negative.json.message],
        [422, 'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
      )
    }))
})
