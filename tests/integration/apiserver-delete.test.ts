/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AdmissionPlugin } from '../../core/apiserver/admission/admission.ts'
import { StatusError } from '../../core/meta/status-error.ts'
import { type Engine, type EngineOptions, startEngine } from '../helpers/engine.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const PODS = '/api/v1/namespaces/default/pods'

async function withEngine(run: (engine: Engine) => Promise<void>, options: EngineOptions = {}): Promise<void> {
  await using engine = await startEngine(options)
  await run(engine)
}

const configMap = (name: string, metadata: object = {}): object => ({ metadata: { name, ...metadata }, data: { a: '1' } })
const pod = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { containers: [{ name: 'main', image: 'image:1' }], terminationGracePeriodSeconds: 20, ...spec },
})

describe('a delete', () => {
  it('answers with a Status and leaves nothing', () =>
    withEngine(async ({ call, caches, watch }) => {
      const { json: created } = await call('POST', MAPS, configMap('a'))
      const events = await watch(`${MAPS}?watch=true&resourceVersion=${caches.revision}`)
      const answer = await call('DELETE', `${MAPS}/a`)
      assert.equal(answer.status, 200)
      assert.deepEqual(answer.json, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { name: 'a', kind: 'configmaps', uid: created.metadata.uid },
      })
      assert.equal((await call('GET', `${MAPS}/a`)).status, 404)
      const event = await events.next()
      assert.deepEqual(
        [event?.type, event?.object.data, event?.object.metadata.resourceVersion],
        ['DELETED', { a: '1' }, String(caches.revision)],
      )
      const again = await call('DELETE', `${MAPS}/a`)
      assert.deepEqual([again.status, again.json.message], [404, 'configmaps "a" not found'])
    }))

  it('waits for finalizers and ends with the last one', () =>
    withEngine(async ({ call }) => {
      await call('POST', MAPS, configMap('a', { finalizers: ['example.com/hold'] }))
      const answer = await call('DELETE', `${MAPS}/a`)
      assert.equal(answer.status, 200)
      assert.equal(answer.json.kind, 'ConfigMap')
      const { deletionTimestamp, deletionGracePeriodSeconds } = answer.json.metadata
      assert.notEqual(deletionTimestamp, undefined)
      assert.equal(deletionGracePeriodSeconds, 0)
      const added = await call('PUT', `${MAPS}/a`, configMap('a', { finalizers: ['example.com/hold', 'example.com/new'] }))
      assert.equal(added.status, 422)
      assert.match(
        added.json.message,
        /metadata\.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers \[\]string\{"example\.com\/new"\}/,
      )
      const kept = await call('PUT', `${MAPS}/a`, configMap('a', { finalizers: ['example.com/hold'], labels: { still: 'here' } }))
      assert.equal(kept.json.metadata.deletionTimestamp, deletionTimestamp)
      const clash = await call('POST', MAPS, configMap('a'))
      assert.deepEqual([clash.status, clash.json.message], [409, 'object is being deleted: configmaps "a" already exists'])
      assert.equal((await call('PUT', `${MAPS}/a`, configMap('a'))).status, 200)
      assert.equal((await call('GET', `${MAPS}/a`)).status, 404)
    }))

  it('takes preconditions', () =>
    withEngine(async ({ call }) => {
      const { json } = await call('POST', MAPS, configMap('a'))
      const other = await call('DELETE', `${MAPS}/a`, { preconditions: { uid: 'other' } })
      assert.equal(other.status, 409)
      assert.match(
        other.json.message,
        /^Operation cannot be fulfilled on configmaps "a": the UID in the precondition \(other\) does not match the UID in record/,
      )
      assert.equal((await call('DELETE', `${MAPS}/a`, { preconditions: { resourceVersion: '1' } })).status, 409)
      const { uid, resourceVersion } = json.metadata
      assert.equal(
        (await call('DELETE', `${MAPS}/a`, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid, resourceVersion } })).status,
        200,
      )
    }))

  it('adds the finalizer of its propagation policy', () =>
    withEngine(async ({ call }) => {
      for (const [policy, finalizer, status] of [
        ['Foreground', 'foregroundDeletion', 202],
        ['Orphan', 'orphan', 200],
      ] as const) {
        await call('POST', MAPS, configMap(policy.toLowerCase()))
        const answer = await call('DELETE', `${MAPS}/${policy.toLowerCase()}?propagationPolicy=${policy}`)
        assert.deepEqual([answer.status, answer.json.metadata.finalizers], [status, [finalizer]])
      }
      const bad = await call('DELETE', `${MAPS}/orphan?propagationPolicy=Sideways`)
      assert.equal(bad.status, 422)
      assert.equal((await call('DELETE', `${MAPS}/orphan`, { propagationPolicy: 'Orphan', orphanDependents: true })).status, 422)
    }))

  it('of a running pod gives it time, and the kubelet ends it', () =>
    withEngine(async ({ call }) => {
      assert.equal((await call('POST', PODS, pod('p', { nodeName: 'n' }))).status, 201)
      const first = await call('DELETE', `${PODS}/p`)
      assert.deepEqual([first.status, first.json.metadata.deletionGracePeriodSeconds], [200, 20])
      const shortened = await call('DELETE', `${PODS}/p`, { gracePeriodSeconds: 5 })
      assert.equal(shortened.json.metadata.deletionGracePeriodSeconds, 5)
      assert.ok(
        Date.parse(shortened.json.metadata.deletionTimestamp as string) < Date.parse(first.json.metadata.deletionTimestamp as string),
      )
      const longer = await call('DELETE', `${PODS}/p`, { gracePeriodSeconds: 60 })
      assert.equal(longer.json.metadata.resourceVersion, shortened.json.metadata.resourceVersion)
      const last = await call('DELETE', `${PODS}/p`, { gracePeriodSeconds: 0 })
      assert.deepEqual([last.status, last.json.kind], [200, 'Pod'])
      assert.equal((await call('GET', `${PODS}/p`)).status, 404)
    }))

  it('of a pod without a node is immediate', () =>
    withEngine(async ({ call }) => {
      await call('POST', PODS, pod('p'))
      await call('DELETE', `${PODS}/p`)
      assert.equal((await call('GET', `${PODS}/p`)).status, 404)
    }))

  it('of a namespace waits until it was finalized', () =>
    withEngine(async ({ call }) => {
      await call('POST', '/api/v1/namespaces', { metadata: { name: 'n' } })
      const { json } = await call('DELETE', '/api/v1/namespaces/n')
      assert.deepEqual([json.status.phase, json.spec.finalizers], ['Terminating', ['kubernetes']])
      assert.equal((await call('PUT', '/api/v1/namespaces/n/finalize', { ...json, spec: { finalizers: [] } })).status, 200)
      assert.equal((await call('GET', '/api/v1/namespaces/n')).status, 404)
    }))

  it('that is tried dry leaves everything', () =>
    withEngine(async ({ call }) => {
      await call('POST', MAPS, configMap('a'))
      assert.equal((await call('DELETE', `${MAPS}/a?dryRun=All`)).status, 200)
      assert.equal((await call('DELETE', `${MAPS}/a`, { dryRun: ['All'] })).status, 200)
      assert.equal((await call('GET', `${MAPS}/a`)).status, 200)
    }))

  it('is put before admission', async () => {
    const plugin: AdmissionPlugin = {
      name: 'Guard',
      handles: ({ operation }) => operation === 'DELETE',
      validate: ({ oldObject }) => {
        if (oldObject?.metadata.labels?.['guarded'] === 'yes') throw new StatusError('Forbidden', 'it is guarded')
      },
    }
    await withEngine(
      async ({ call }) => {
        await call('POST', MAPS, configMap('a', { labels: { guarded: 'yes' } }))
        await call('POST', MAPS, configMap('b'))
        assert.equal((await call('DELETE', `${MAPS}/a`)).status, 403)
        assert.equal((await call('DELETE', `${MAPS}/b`)).status, 200)
      },
      { admission: [plugin] },
    )
  })
})

describe('a deleted collection', () => {
  it('is what the selector says, and is answered with', () =>
    withEngine(async ({ call }) => {
      for (const name of ['a', 'b', 'c']) await call('POST', MAPS, configMap(name, { labels: { keep: name === 'b' ? 'yes' : 'no' } }))
      const answer = await call('DELETE', `${MAPS}?labelSelector=keep%3Dno`)
      assert.equal(answer.status, 200)
      assert.deepEqual([answer.json.kind, answer.json.items.length], ['ConfigMapList', 2])
      assert.deepEqual(
        (await call('GET', MAPS)).json.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
        ['b'],
      )
      assert.equal((await call('DELETE', '/api/v1/namespaces')).status, 405)
    }))
})

describe('many deletes at once', () => {
  it('succeed once', () =>
    withEngine(async ({ call }) => {
      await call('POST', MAPS, configMap('a'))
      const answers = await Promise.all(Array.from({ length: 8 }, () => call('DELETE', `${MAPS}/a`)))
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 404, 404, 404, 404, 404, 404, 404])
    }))
})
