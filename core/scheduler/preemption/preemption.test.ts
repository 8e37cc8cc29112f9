import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod } from '../../api/types/core-v1.ts'
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts'
import { interPodAffinity } from '../plugins/inter-pod-affinity.ts'
import { nodeAffinity } from '../plugins/node-affinity.ts'
import { nodeResourcesFit } from '../plugins/node-resources-fit.ts'
import { podInfoOf } from '../pod-info.ts'
import { stage, testNode, testPod } from '../testing.ts'
import { planPreemption } from './plan-preemption.ts'

const plugins = [nodeAffinity, nodeResourcesFit, interPodAffinity(() => undefined)]
const nodes = [testNode('a'), testNode('b')]

const budget = (labels: Record<string, string>, disruptionsAllowed: number): PodDisruptionBudget =>
  ({
    metadata: { name: 'b', namespace: 'default' },
    spec: { selector: { matchLabels: labels } },
    status: { disruptionsAllowed },
  }) as unknown as PodDisruptionBudget

/** `node: victims`, or why not. */
function plan(pod: Pod, pods: readonly Pod[], budgets: readonly PodDisruptionBudget[] = [], on = nodes): string {
  const { find, deps, nominator, cache } = stage({ plugins, nodes: on, pods })
  const result = find(pod)
  assert.ok(result.kind === 'unschedulable')
  const found = planPreemption({
    pod: podInfoOf(pod),
    diagnosis: result.diagnosis,
    runs: result.runs,
    cluster: cache,
    nominator,
    budgets,
    random: deps.random,
  })
  if (found.kind === 'hopeless') return found.message
  return `${found.candidate.node.name}: ${found.candidate.victims.map(({ pod: victim }) => victim.metadata.name).join(',')}`
}

const running = (name: string, node: string, priority: number, over: Parameters<typeof testPod>[1] = {}): Pod =>
  testPod(name, { node, priority, cpu: '4', ...over })
const important = testPod('p', { cpu: '4', priority: 100 })

describe('planPreemption', () => {
  it('takes the pods of the lowest priority', () => {
    assert.equal(plan(important, [running('x', 'a', 50), running('y', 'b', 10)]), 'b: y')
  })
  it('takes no more than needed, and the least important', () => {
    const pods = [running('x', 'a', 1, { cpu: '2' }), running('y', 'a', 5, { cpu: '2' }), running('z', 'b', 200)]
    assert.equal(plan(testPod('p', { cpu: '2', priority: 100 }), pods), 'a: x')
  })
  it('of equal pods takes the one that started last', () => {
    const started = (startTime: string): object => ({ status: { startTime }, cpu: '2' })
    const pods = [
      running('x', 'a', 1, started('2026-01-01T00:00:00Z')),
      running('y', 'a', 1, started('2026-01-02T00:00:00Z')),
      running('z', 'b', 200),
    ]
    assert.equal(plan(testPod('p', { cpu: '2', priority: 100 }), pods), 'a: y')
  })
  it('spares what a disruption budget protects, but not at any price', () => {
    const labels = { app: 'db' }
    const pods = [running('x', 'a', 1, { labels }), running('y', 'b', 50)]
    assert.equal(plan(important, pods, [budget(labels, 0)]), 'b: y')
    assert.equal(plan(important, pods, [budget(labels, 1)]), 'a: x')
    assert.equal(plan(important, [running('x', 'a', 1, { labels }), running('y', 'b', 200)], [budget(labels, 0)]), 'a: x')
  })
  it('says that no pod is less important', () => {
    assert.equal(
      plan(important, [running('x', 'a', 100), running('y', 'b', 100)]),
      '0/2 nodes are available: 2 No preemption victims found for incoming pod.',
    )
  })
  it('says that no pod stands in the way of what is wrong', () => {
    const pod = testPod('p', { priority: 100, spec: { nodeSelector: { disk: 'ssd' } } })
    assert.equal(plan(pod, [running('x', 'a', 1)]), '0/2 nodes are available: 2 Preemption is not helpful for scheduling.')
  })
  it('leaves pods alone when the policy says so', () => {
    const pod = testPod('p', { cpu: '4', priority: 100, spec: { preemptionPolicy: 'Never' } })
    assert.equal(plan(pod, [running('x', 'a', 1), running('y', 'b', 1)]), 'not eligible due to preemptionPolicy=Never.')
  })
  it('waits while victims of the nominated node go away', () => {
    const conditions = [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] as never
    const leaving = running('x', 'a', 1, { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { conditions } })
    const pod = testPod('p', { cpu: '4', priority: 100, status: { nominatedNodeName: 'a' } })
    assert.equal(plan(pod, [leaving, running('y', 'b', 1)]), 'not eligible due to a terminating pod on the nominated node.')
  })
  it('takes pods away that shun the newcomer', () => {
    const term = { labelSelector: { matchLabels: { app: 'web' } }, topologyKey: 'kubernetes.io/hostname' }
    const jealous = testPod('x', {
      priority: 1,
      spec: { nodeName: 'a', priority: 1, affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
    })
    assert.equal(plan(testPod('p', { priority: 100, labels: { app: 'web' } }), [jealous], [], [testNode('a')]), 'a: x')
  })
})

describe('nominations', () => {
  it('keep the room free from less important pods', () => {
    const { place, nominator } = stage({ plugins, nodes: [testNode('a')] })
    nominator.nominate(testPod('waiting', { cpu: '3', priority: 100 }), 'a')
    assert.equal(place(testPod('p', { cpu: '2', priority: 1 })), '0/1 nodes are available: 1 Insufficient cpu.')
    assert.equal(place(testPod('p', { cpu: '2', priority: 200 })), 'a')
    assert.equal(place(testPod('p', { cpu: '1', priority: 1 })), 'a')
  })
})
