/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeProtobuf, encodeProtobuf } from '../../core/api/protobuf/protobuf.ts'
import { bodyOf, type Engine, startEngine } from '../helpers/engine.ts'

const PROTOBUF = 'application/vnd.kubernetes.protobuf'

const MAPS = '/api/v1/namespaces/default/configmaps'
const configMap = (name: string, data: Record<string, string> = { a: '1' }): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
})

async function withEngine(run: (engine: Engine) => Promise<void>): Promise<void> {
  await using engine = await startEngine()
  await run(engine)
}

describe('objects', () => {
  it('are created with system metadata and read back byte for byte', () =>
    withEngine(async ({ call }) => {
      const created = await call('POST', MAPS, configMap('one'))
      assert.equal(created.status, 201)
      assert.equal(created.headers['content-type'], 'application/json')
      const { metadata } = created.json
      assert.match(metadata.uid, /^[0-9a-f-]{36}$/)
      assert.match(metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      assert.equal(metadata.namespace, 'default')
      assert.match(metadata.resourceVersion, /^[1-9]\d*$/)
      assert.deepEqual(
        metadata.managedFields.map((m: { manager: string; operation: string }) => [m.manager, m.operation]),
        [['test', 'Update']],
      )
      const read = await call('GET', `${MAPS}/one`)
      assert.equal(read.status, 200)
      assert.equal(read.text, created.text)
    }))

  it('exist once', () =>
    withEngine(async ({ call }) => {
      await call('POST', MAPS, configMap('one'))
      const again = await call('POST', MAPS, configMap('one'))
      assert.equal(again.status, 409)
      assert.deepEqual(again.json, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'configmaps "one" already exists',
        reason: 'AlreadyExists',
        details: { name: 'one', kind: 'configmaps' },
        code: 409,
      })
    }))

  it('get a generated name, each its own', () =>
    withEngine(async ({ call }) => {
      const body = { metadata: { generateName: 'gen-' } }
      const names = await Promise.all(Array.from({ length: 20 }, async () => (await call('POST', MAPS, body)).json.metadata.name as string))
      assert.equal(new Set(names).size, 20)
      for (const name of names) assert.match(name, /^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
    }))

  it('need a name', () =>
    withEngine(async ({ call }) => {
      const answer = await call('POST', MAPS, { data: {} })
      assert.equal(answer.status, 422)
      assert.equal(answer.json.message, 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required')
      assert.deepEqual(answer.json.details.causes, [
        { reason: 'FieldValueRequired', message: 'Required value: name or generateName is required', field: 'metadata.name' },
      ])
    }))

  it('are refused with every problem at once', () =>
    withEngine(async ({ call }) => {
      const answer = await call('POST', MAPS, { metadata: { name: 'Bad_Name', labels: { '-x': 'y' }, finalizers: ['no good'] } })
      assert.equal(answer.status, 422)
      assert.deepEqual(
        answer.json.details.causes.map((cause: { field: string }) => cause.field),
        ['metadata.name', 'metadata.labels', 'metadata.finalizers[0]'],
      )
    }))

  for (const { title, url = MAPS, body, status, message } of [
    {
      title: 'a body that is not JSON',
      body: 'x',
      status: 400,
      message: /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: /,
    },
    {
      title: 'another kind',
      body: { kind: 'Secret', apiVersion: 'v1' },
      status: 400,
      message: /^Secret in version "v1" cannot be handled as a ConfigMap/,
    },
    {
      title: 'another version',
      body: { kind: 'ConfigMap', apiVersion: 'v2' },
      status: 400,
      message: /^the API version in the data \(v2\) does not match the expected API version \(v1\)$/,
    },
    {
      title: 'another namespace',
      body: { metadata: { name: 'a', namespace: 'other' } },
      status: 400,
      message: /^the namespace of the provided object does not match the namespace sent on the request$/,
    },
    {
      title: 'a value of the wrong type',
      body: { metadata: { name: 'a' }, data: { a: 1 } },
      status: 400,
      message: /cannot unmarshal number into Go struct field ConfigMap\.data of type string/,
    },
    {
      title: 'an unknown field with strict validation',
      url: `${MAPS}?fieldValidation=Strict`,
      body: { metadata: { name: 'a' }, daata: {} },
      status: 400,
      message: /^ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "daata"$/,
    },
    {
      title: 'an unknown way of validation',
      url: `${MAPS}?fieldValidation=Loose`,
      body: {},
      status: 422,
      message: /^CreateOptions\.meta\.k8s\.io "" is invalid: fieldValidation: Unsupported value: "Loose"/,
    },
    { title: 'an unknown dry run', url: `${MAPS}?dryRun=Some`, body: {}, status: 422, message: /dryRun: Unsupported value/ },
    {
      title: 'no namespace in the path',
      url: '/api/v1/configmaps',
      body: {},
      status: 405,
      message: /^the server does not allow this method on the requested resource$/,
    },
    {
      title: 'an unknown resource',
      url: '/api/v1/namespaces/default/configmops',
      body: {},
      status: 404,
      message: /^the server could not find the requested resource$/,
    },
  ]) {
    it(`answers ${status} to ${title}`, () =>
      withEngine(async ({ call }) => {
        const answer = await call('POST', url, body)
        assert.match(answer.json.message, message)
        assert.equal(answer.status, status)
        assert.equal(answer.json.code, status)
      }))
  }

  it('answer 404 in plain text below unknown groups', () =>
    withEngine(async ({ call }) => {
      const answer = await call('GET', '/apis/none.example.com/v1/things')
      assert.deepEqual([answer.status, answer.text], [404, '404 page not found\n'])
    }))

  it('answer 415 to unknown bodies and 406 to unknown wishes', () =>
    withEngine(async ({ call }) => {
      assert.equal((await call('POST', MAPS, 'a=b', { headers: { 'content-type': 'application/x-www-form-urlencoded' } })).status, 415)
      assert.equal((await call('GET', MAPS, undefined, { headers: { accept: 'image/png' } })).status, 406)
    }))

  it('warn of unknown fields and drop them', () =>
    withEngine(async ({ call }) => {
      const created = await call('POST', MAPS, { metadata: { name: 'a', nope: 1 }, daata: {} })
      assert.equal(created.headers['warning'], '299 - "unknown field \\"metadata.nope\\"", 299 - "unknown field \\"daata\\""')
      assert.equal('daata' in created.json, false)
    }))

  it('come as YAML and protobuf, and go the same way', () =>
    withEngine(async ({ call, open }) => {
      const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: spelt\ndata:\n  a: "yes"\n'
      const created = await call('POST', MAPS, yaml, { headers: { 'content-type': 'application/yaml', accept: 'application/yaml' } })
      assert.equal(created.status, 201)
      assert.match(created.text, /^kind: ConfigMap\napiVersion: v1\nmetadata:\n/)
      assert.match(created.text, /\n {2}a: 'yes'\n/)
      const accept = { headers: { accept: PROTOBUF } }
      const binary = await bodyOf(await open('GET', `${MAPS}/spelt`, undefined, accept))
      const object = decodeProtobuf(binary) as { kind: string; metadata: Record<string, unknown>; data: unknown }
      assert.deepEqual(object.data, { a: 'yes' })
      for (const key of ['uid', 'resourceVersion', 'creationTimestamp', 'managedFields']) delete object.metadata[key]
      object.metadata['name'] = 'binary'
      const sent = await open('POST', MAPS, encodeProtobuf(object), { headers: { 'content-type': PROTOBUF, accept: PROTOBUF } })
      assert.equal(sent.status, 201)
      assert.equal(sent.headers['content-type'], PROTOBUF)
      const list = decodeProtobuf(await bodyOf(await open('GET', MAPS, undefined, accept))) as { items: { metadata: { name: string } }[] }
      assert.deepEqual(
        list.items.map(({ metadata }) => metadata.name),
        ['binary', 'spelt'],
      )
      assert.equal((await call('GET', `${MAPS}/binary`)).json.kind, 'ConfigMap')
    }))

  it('are not stored by a dry run', () =>
    withEngine(async ({ call }) => {
      const dry = await call('POST', `${MAPS}?dryRun=All`, configMap('one'))
      assert.equal(dry.status, 201)
      assert.equal(dry.json.metadata.resourceVersion, undefined)
      assert.notEqual(dry.json.metadata.uid, undefined)
      assert.equal((await call('GET', `${MAPS}/one`)).status, 404)
    }))

  it('may not grow beyond what the store takes', () =>
    withEngine(async ({ call }) => {
      const answer = await call('POST', '/apis/apps/v1/namespaces/default/controllerrevisions', {
        metadata: { name: 'big' },
        revision: 1,
        data: { text: 'x'.repeat(1_600_000) },
      })
      assert.equal(answer.status, 413)
      assert.equal(answer.json.reason, 'RequestEntityTooLarge')
    }))
})

describe('updates', () => {
  it('replace, bump the revision and keep what is the server’s', () =>
    withEngine(async ({ call }) => {
      const { json: before } = await call('POST', MAPS, configMap('one'))
      const { json: after, status } = await call('PUT', `${MAPS}/one`, {
        metadata: { name: 'one', creationTimestamp: '2001-01-01T00:00:00Z' },
        data: { b: '2' },
      })
      assert.equal(status, 200)
      assert.deepEqual(after.data, { b: '2' })
      assert.equal(after.metadata.uid, before.metadata.uid)
      assert.equal(after.metadata.creationTimestamp, before.metadata.creationTimestamp)
      assert.ok(Number(after.metadata.resourceVersion) > Number(before.metadata.resourceVersion))
    }))

  it('with an old revision conflict', () =>
    withEngine(async ({ call }) => {
      const { json: before } = await call('POST', MAPS, configMap('one'))
      await call('PUT', `${MAPS}/one`, { ...before, data: { b: '2' } })
      const late = await call('PUT', `${MAPS}/one`, { ...before, data: { c: '3' } })
      assert.equal(late.status, 409)
      assert.equal(
        late.json.message,
        'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your changes to the latest version and try again',
      )
    }))

  it('of another incarnation conflict', () =>
    withEngine(async ({ call }) => {
      await call('POST', MAPS, configMap('one'))
      const answer = await call('PUT', `${MAPS}/one`, { metadata: { name: 'one', uid: 'other' } })
      assert.equal(answer.status, 409)
      assert.match(answer.json.message, /Precondition failed: UID in precondition: other, UID in object meta: /)
    }))

  it('that change nothing are not written', () =>
    withEngine(async ({ call, caches }) => {
      const { json: created } = await call('POST', MAPS, configMap('one', { a: '1', b: '2' }))
      const { revision } = caches
      const { json: same } = await call('PUT', `${MAPS}/one`, { data: { b: '2', a: '1' }, metadata: { name: 'one' } })
      assert.equal(same.metadata.resourceVersion, created.metadata.resourceVersion)
      assert.equal(caches.revision, revision)
    }))

  it('must name the object of the URL', () =>
    withEngine(async ({ call }) => {
      const answer = await call('PUT', `${MAPS}/one`, configMap('two'))
      assert.equal(answer.status, 404)
      await call('POST', MAPS, configMap('one'))
      assert.equal(
        (await call('PUT', `${MAPS}/one`, configMap('two'))).json.message,
        'the name of the object (two) does not match the name on the URL (one)',
      )
    }))

  it('create only kinds that allow it', () =>
    withEngine(async ({ call }) => {
      assert.equal((await call('PUT', `${MAPS}/one`, configMap('one'))).status, 404)
      const lease = { metadata: { name: 'l' }, spec: { holderIdentity: 'me', leaseDurationSeconds: 10 } }
      const url = '/apis/coordination.k8s.io/v1/namespaces/default/leases/l'
      assert.equal((await call('PUT', url, lease)).status, 201)
      const unconditional = await call('PUT', url, lease)
      assert.equal(unconditional.status, 422)
      assert.match(unconditional.json.message, /metadata\.resourceVersion: Invalid value: 0: must be specified for an update/)
    }))

  it('without a revision win against each other, all of them', () =>
    withEngine(async ({ call }) => {
      await call('POST', MAPS, configMap('one'))
      const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => call('PUT', `${MAPS}/one`, configMap('one', { n: String(i) }))))
      assert.deepEqual(
        answers.map(({ status }) => status),
        new Array(8).fill(200),
      )
    }))
})
