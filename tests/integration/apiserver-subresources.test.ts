/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createObjectReader } from '../../core/apiserver/object-reader.ts'
import { bindingHandler, customSubresources } from '../../core/apiserver/subresources/index.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { type Answer, type Engine, startEngine } from '../helpers/engine.ts'

const PODS = '/api/v1/namespaces/default/pods'
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets'

async function withEngine(run: (engine: Engine) => Promise<void>): Promise<void> {
  await using engine = await startEngine({
    with: (deps) => {
      const { resources, cacheOf } = deps
      const reader = createObjectReader({ resources, cacheOf, signal: new AbortController().signal, log: silentLogger })
      const dialKubelet = (): Promise<never> => Promise.reject(new Error('there is no node'))
      return {
        ...deps,
        subresources: customSubresources({ reader, resources, dialKubelet }),
        virtual: new Map([['/bindings', bindingHandler(resources)]]),
      }
    },
  })
  await run(engine)
}

const pod = (name: string, spec: object = {}): object => ({
  metadata: { name, labels: { app: 'web', mine: 'yes' }, annotations: { a: 'pod' } },
  spec: { containers: [{ name: 'main', image: 'i' }], ...spec },
})

const merge = { headers: { 'content-type': 'application/merge-patch+json' } }

describe('a binding', () => {
  it('gives a pod its node, once', () =>
    withEngine(async ({ call }) => {
      await call('POST', PODS, pod('p'))
      const nominated = await call('PATCH', `${PODS}/p/status`, { status: { nominatedNodeName: 'n2' } }, merge)
      assert.equal(nominated.json.status.nominatedNodeName, 'n2')
      const binding = {
        metadata: { name: 'p', annotations: { a: 'binding', b: 'c' }, labels: { mine: 'no', more: 'x' } },
        target: { kind: 'Node', name: 'n1' },
      }
      const answer = await call('POST', `${PODS}/p/binding`, binding)
      assert.deepEqual(
        [answer.status, answer.json],
        [201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }],
      )
      const { json } = await call('GET', `${PODS}/p`)
      assert.equal(json.spec.nodeName, 'n1')
      assert.equal(json.status.nominatedNodeName, undefined, 'it has a node now')
      assert.deepEqual(json.metadata.annotations, { a: 'binding', b: 'c' })
      assert.deepEqual(json.metadata.labels, { app: 'web', mine: 'yes', more: 'x' })
      const condition = json.status.conditions.find(({ type }: { type: string }) => type === 'PodScheduled')
      assert.equal(condition.status, 'True')
      const again = await call('POST', `${PODS}/p/binding`, binding)
      assert.deepEqual(
        [again.status, again.json.message],
        [409, 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"'],
      )
    }))

  it('is refused where it cannot be', () =>
    withEngine(async ({ call }) => {
      await call('POST', PODS, pod('gated', { schedulingGates: [{ name: 'example.com/wait' }] }))
      const bind = (name: string, body: object): Promise<Answer> => call('POST', `${PODS}/${name}/binding`, body)
      const target = { kind: 'Node', name: 'n1' }
      assert.match(
        (await bind('gated', { metadata: { name: 'gated' }, target })).json.message as string,
        /pod gated has non-empty \.spec\.schedulingGates/,
      )
      assert.equal((await bind('none', { metadata: { name: 'none' }, target })).status, 404)
      assert.equal(
        (await bind('gated', { metadata: { name: 'other' }, target })).json.message,
        'name in URL does not match name in Binding object',
      )
      assert.match(
        (await bind('gated', { metadata: { name: 'gated' }, target: { kind: 'Pod', name: 'n1' } })).json.message as string,
        /target\.kind: Unsupported value: "Pod"/,
      )
      assert.match(
        (await bind('gated', { metadata: { name: 'gated' }, target: {} })).json.message as string,
        /target\.name: Required value/,
      )
      const foreign = { metadata: { name: 'gated', uid: 'other' }, target }
      assert.equal((await bind('gated', foreign)).status, 409)
    }))

  it('comes by its older path as well', () =>
    withEngine(async ({ call }) => {
      await call('POST', PODS, pod('p'))
      const answer = await call('POST', '/api/v1/namespaces/default/bindings', { metadata: { name: 'p' }, target: { name: 'n2' } })
      assert.equal(answer.status, 201, answer.text)
      assert.equal((await call('GET', `${PODS}/p`)).json.spec.nodeName, 'n2')
    }))
})

describe('an eviction', () => {
  async function guarded({ call }: Engine, status: object, names = ['a', 'b']): Promise<void> {
    for (const name of names) {
      assert.equal((await call('POST', PODS, pod(name, { nodeName: 'n' }))).status, 201)
      const running = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }
      assert.equal((await call('PATCH', `${PODS}/${name}/status`, running, merge)).status, 200)
    }
    const budget = { metadata: { name: 'budget' }, spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } } }
    assert.equal((await call('POST', BUDGETS, budget)).status, 201)
    const written = await call('PATCH', `${BUDGETS}/budget/status`, { status }, merge)
    assert.equal(written.status, 200, written.text)
  }
  const evict = ({ call }: Engine, name: string, more: object = {}): Promise<Answer> =>
    call('POST', `${PODS}/${name}/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, ...more })
  const healthy = { observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 }

  it('takes from the budget, and waits when it is used up', () =>
    withEngine(async (engine) => {
      await guarded(engine, healthy)
      assert.equal((await evict(engine, 'a')).status, 201)
      const { status } = (await engine.call('GET', `${BUDGETS}/budget`)).json
      assert.equal(status.disruptionsAllowed, 0)
      assert.deepEqual(Object.keys(status.disruptedPods as object), ['a'])
      const going = (await engine.call('GET', `${PODS}/a`)).json
      assert.notEqual(going.metadata.deletionTimestamp, undefined)
      const why = (going.status.conditions as readonly { type: string; reason: string }[]).find(({ type }) => type === 'DisruptionTarget')
      assert.equal(why?.reason, 'EvictionByEvictionAPI')
      const refused = await evict(engine, 'b')
      assert.equal(refused.status, 429)
      assert.equal(refused.json.message, "Cannot evict pod as it would violate the pod's disruption budget.")
      assert.deepEqual(refused.json.details.causes, [
        { reason: 'DisruptionBudget', message: 'The disruption budget budget needs 1 healthy pods and has 2 currently' },
      ])
      assert.equal((await engine.call('GET', `${PODS}/b`)).json.metadata.deletionTimestamp, undefined)
    }))

  it('waits for a budget that was not looked at yet', () =>
    withEngine(async (engine) => {
      await guarded(engine, { ...healthy, observedGeneration: 0 })
      const refused = await evict(engine, 'a')
      assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '10'])
      assert.match(refused.json.details.causes[0].message as string, /is still being processed by the server/)
    }))

  it('costs nothing for pods that are no loss', () =>
    withEngine(async (engine) => {
      await guarded(engine, { ...healthy, disruptionsAllowed: 0 })
      await engine.call('PATCH', `${PODS}/a/status`, { status: { conditions: [{ type: 'Ready', status: 'False' }] } }, merge)
      assert.equal((await evict(engine, 'a')).status, 201)
      await engine.call('PATCH', `${PODS}/b/status`, { status: { phase: 'Succeeded' } }, merge)
      assert.equal((await evict(engine, 'b')).status, 201)
    }))

  it('of a pod under two budgets is an error', () =>
    withEngine(async (engine) => {
      await guarded(engine, healthy)
      await engine.call('POST', BUDGETS, { metadata: { name: 'second' }, spec: { minAvailable: 1, selector: {} } })
      const answer = await evict(engine, 'a')
      assert.deepEqual(
        [answer.status, answer.json.message],
        [500, 'Internal error occurred: This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'],
      )
    }))

  it('tried dry changes nothing', () =>
    withEngine(async (engine) => {
      await guarded(engine, healthy)
      assert.equal((await evict(engine, 'a', { deleteOptions: { dryRun: ['All'] } })).status, 201)
      assert.equal((await engine.call('GET', `${PODS}/a`)).json.metadata.deletionTimestamp, undefined)
      assert.equal((await engine.call('GET', `${BUDGETS}/budget`)).json.status.disruptionsAllowed, 1)
    }))
})
