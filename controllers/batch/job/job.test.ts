import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { jobs, pods } from '../../../core/api/kinds.ts'
import type { Job, JobSpec } from '../../../core/api/types/batch-v1.ts'
import type { Pod } from '../../../core/api/types/core-v1.ts'
import type { Draft } from '../../../core/meta/object.ts'
import { toTimestamp } from '../../../core/runtime/clock.ts'
import { podTemplate } from '../../../tests/helpers/builders.ts'
import { type Bench, controllerBench } from '../../../tests/helpers/controller-bench.ts'
import { firstFree, formatIndexes, parseIndexes } from './indexes.ts'
import { jobController } from './job.ts'

const LABELS = { 'batch.kubernetes.io/controller-uid': 'u' }
const job = (spec: Draft<JobSpec> = {}): Draft<Job> => ({
  metadata: { namespace: 'default', name: 'work' },
  spec: {
    parallelism: 1,
    completions: 1,
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    selector: { matchLabels: LABELS },
    ...spec,
    template: { ...podTemplate('work:1', LABELS), spec: { ...podTemplate().spec, restartPolicy: 'Never', ...spec.template?.spec } },
  },
  status: {},
})

async function start(bench: Bench, spec: Draft<JobSpec> = {}): Promise<void> {
  const { cluster, recorder, clock } = bench
  bench.cluster.seed(jobs, job(spec))
  const { informers } = cluster
  await bench.run(jobController({ client: cluster, jobs: informers.informer(jobs), pods: informers.informer(pods), recorder, clock }))
}

const current = (bench: Bench): Job => {
  const [only] = bench.cluster.all(jobs)
  assert.ok(only)
  return only
}
const conditions = (bench: Bench): string[] =>
  (current(bench).status.conditions ?? []).filter(({ status }) => status === 'True').map(({ type, reason }) => `${type} ${reason ?? ''}`)
const activePods = (bench: Bench): readonly Pod[] =>
  bench.cluster
    .all(pods)
    .filter(({ status, metadata }) => status.phase !== 'Succeeded' && status.phase !== 'Failed' && metadata.deletionTimestamp === undefined)
const indexesOf = (bench: Bench): string[] =>
  activePods(bench).map(({ metadata }) => metadata.annotations?.['batch.kubernetes.io/job-completion-index'] ?? '')

async function end(
  bench: Bench,
  which: Pod | undefined,
  phase: 'Succeeded' | 'Failed',
  exitCode = phase === 'Failed' ? 1 : 0,
): Promise<void> {
  assert.ok(which)
  const finishedAt = toTimestamp(bench.clock.now())
  const status = { phase, containerStatuses: [{ name: 'web', state: { terminated: { exitCode, finishedAt } }, restartCount: 0 }] }
  bench.cluster.change(pods, which.metadata, (object) => ({
    ...object,
    spec: { ...object.spec, nodeName: 'n' },
    status: status,
  }))
  await bench.settle()
}

describe('index sets', () => {
  for (const { text, set } of [
    { text: '', set: [] },
    { text: '0', set: [0] },
    { text: '0,1', set: [0, 1] },
    { text: '1,3-5,7', set: [1, 3, 4, 5, 7] },
    { text: '0-3,9', set: [0, 1, 2, 3, 9] },
  ]) {
    it(`reads and writes "${text}"`, () => {
      assert.deepEqual([...parseIndexes(text, 100)], set)
      assert.equal(formatIndexes(new Set(set)), text)
    })
  }
  it('leaves out what lies beyond the completions', () => assert.deepEqual([...parseIndexes('1,5-9', 7)], [1, 5, 6]))
  it('finds the lowest free ones', () => assert.deepEqual(firstFree(3, 6, new Set([0, 2])), [1, 3, 4]))
})

describe('Job controller', () => {
  it('runs a tracked pod to completion and counts it once', async () => {
    await using bench = controllerBench()
    await start(bench)
    const [pod] = bench.cluster.all(pods)
    assert.deepEqual(pod?.metadata.finalizers, ['batch.kubernetes.io/job-tracking'])
    assert.deepEqual(
      { ...current(bench).status, conditions: [] },
      {
        conditions: [],
        startTime: '2026-01-01T00:00:00Z',
        active: 1,
        ready: 0,
        terminating: 0,
        uncountedTerminatedPods: {},
      },
    )
    await end(bench, pod, 'Succeeded')
    assert.deepEqual(conditions(bench), ['SuccessCriteriaMet CompletionsReached', 'Complete CompletionsReached'])
    const { succeeded, active, completionTime, uncountedTerminatedPods } = current(bench).status
    assert.deepEqual([succeeded, active, completionTime, uncountedTerminatedPods], [1, undefined, '2026-01-01T00:00:00Z', {}])
    assert.deepEqual(bench.cluster.all(pods)[0]?.metadata.finalizers, [])
    assert.equal(bench.recorder.events.at(-1), 'Normal Completed Job completed')
  })

  it('keeps parallelism up until the completions are reached', async () => {
    await using bench = controllerBench()
    await start(bench, { parallelism: 3, completions: 5 })
    const seen: number[] = []
    while (activePods(bench).length > 0) {
      seen.push(activePods(bench).length)
      await end(bench, activePods(bench)[0], 'Succeeded')
    }
    assert.deepEqual(seen, [3, 3, 3, 2, 1])
    assert.equal(current(bench).status.succeeded, 5)
    assert.ok(conditions(bench).includes('Complete CompletionsReached'))
  })

  it('completes a work queue when one pod has succeeded and the others have ended', async () => {
    await using bench = controllerBench()
    await start(bench, { parallelism: 2, completions: undefined })
    await end(bench, activePods(bench)[0], 'Succeeded')
    assert.equal(activePods(bench).length, 1)
    assert.deepEqual(conditions(bench), [])
    await end(bench, activePods(bench)[0], 'Succeeded')
    assert.ok(conditions(bench).includes('Complete CompletionsReached'))
  })

  it('starts failed work again with growing delays and gives up at the limit', async () => {
    await using bench = controllerBench()
    await start(bench, { backoffLimit: 2 })
    for (const delayMs of [10_000, 20_000]) {
      await end(bench, activePods(bench)[0], 'Failed')
      await bench.clock.advance(delayMs - 1_000)
      await bench.settle()
      assert.equal(activePods(bench).length, 0, `before ${delayMs}`)
      await bench.clock.advance(1_500)
      await bench.settle()
      assert.equal(activePods(bench).length, 1, `after ${delayMs}`)
    }
    await end(bench, activePods(bench)[0], 'Failed')
    assert.deepEqual(conditions(bench), ['FailureTarget BackoffLimitExceeded', 'Failed BackoffLimitExceeded'])
    assert.equal(current(bench).status.failed, 3)
    assert.equal(bench.recorder.events.at(-1), 'Warning BackoffLimitExceeded Job has reached the specified backoff limit')
  })

  it('ends at its deadline, waits for its pods to go, and counts them as failed', async () => {
    await using bench = controllerBench()
    bench.cluster.slowPodDeletion = true
    await start(bench, { activeDeadlineSeconds: 30 })
    bench.cluster.change(pods, activePods(bench)[0]?.metadata ?? { name: '' }, (object) => ({
      ...object,
      spec: { ...object.spec, nodeName: 'n' },
    }))
    await bench.clock.advance(31_000)
    await bench.settle()
    assert.deepEqual(conditions(bench), ['FailureTarget DeadlineExceeded'])
    for (const { metadata } of bench.cluster.all(pods)) bench.cluster.remove(pods, metadata)
    await bench.settle()
    assert.deepEqual(conditions(bench), ['FailureTarget DeadlineExceeded', 'Failed DeadlineExceeded'])
    assert.equal(current(bench).status.failed, 1)
  })

  it('counts a pod that was deleted as failed, and lets it go', async () => {
    await using bench = controllerBench()
    await start(bench)
    await bench.cluster.delete(pods, activePods(bench)[0]?.metadata ?? { name: '' }, { signal: new AbortController().signal })
    await bench.settle()
    assert.equal(bench.cluster.all(pods).length, 0)
    assert.equal(current(bench).status.failed, 1)
    await bench.clock.advance(11_000)
    await bench.settle()
    assert.equal(activePods(bench).length, 1)
  })

  it('stops while suspended without counting failures, and starts its clock anew when resumed', async () => {
    await using bench = controllerBench()
    await start(bench, { parallelism: 2, completions: 2 })
    bench.cluster.change(jobs, { namespace: 'default', name: 'work' }, (object) => ({ ...object, spec: { ...object.spec, suspend: true } }))
    await bench.settle()
    assert.equal(bench.cluster.all(pods).length, 0)
    assert.deepEqual(conditions(bench), ['Suspended JobSuspended'])
    assert.equal(current(bench).status.failed, undefined)
    await bench.clock.advance(60_000)
    bench.cluster.change(jobs, { namespace: 'default', name: 'work' }, (object) => ({
      ...object,
      spec: { ...object.spec, suspend: false },
    }))
    await bench.settle()
    assert.equal(activePods(bench).length, 2)
    assert.equal(current(bench).status.startTime, '2026-01-01T00:01:00Z')
    assert.deepEqual(
      bench.recorder.events.filter((event) => /Suspended|Resumed/.test(event)),
      ['Normal Suspended Job suspended', 'Normal Resumed Job resumed'],
    )
  })

  it('gives each index its pod, name, hostname and variable', async () => {
    await using bench = controllerBench()
    await start(bench, { completionMode: 'Indexed', completions: 3, parallelism: 2 })
    const [first] = activePods(bench)
    assert.match(first?.metadata.name ?? '', /^work-0-/)
    assert.equal(first?.spec.hostname, 'work-0')
    assert.equal(first.metadata.labels?.['batch.kubernetes.io/job-completion-index'], '0')
    assert.equal(first.spec.containers[0]?.env?.[0]?.name, 'JOB_COMPLETION_INDEX')
    assert.deepEqual(indexesOf(bench), ['0', '1'])
    await end(bench, activePods(bench)[1], 'Succeeded')
    assert.deepEqual(indexesOf(bench).sort(), ['0', '2'])
    await end(bench, activePods(bench)[0], 'Succeeded')
    await end(bench, activePods(bench)[0], 'Succeeded')
    assert.equal(current(bench).status.completedIndexes, '0-2')
    assert.equal(current(bench).status.succeeded, 3)
    assert.ok(conditions(bench).includes('Complete CompletionsReached'))
  })

  it('fails indexes one by one under a limit per index', async () => {
    await using bench = controllerBench()
    await start(bench, { completionMode: 'Indexed', completions: 2, parallelism: 2, backoffLimitPerIndex: 1, backoffLimit: 100 })
    const ofIndex = (index: string): Pod | undefined =>
      activePods(bench).find(({ metadata }) => metadata.annotations?.['batch.kubernetes.io/job-completion-index'] === index)
    await end(bench, ofIndex('0'), 'Failed')
    assert.deepEqual(indexesOf(bench), ['1'])
    await bench.clock.advance(10_500)
    await bench.settle()
    assert.equal(ofIndex('0')?.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1')
    await end(bench, ofIndex('0'), 'Failed')
    assert.equal(current(bench).status.failedIndexes, '0')
    await end(bench, ofIndex('1'), 'Succeeded')
    assert.deepEqual(conditions(bench), ['FailureTarget FailedIndexes', 'Failed FailedIndexes'])
    assert.equal(current(bench).status.failed, 2)
    assert.equal(current(bench).status.completedIndexes, '1')
  })

  it('obeys its pod failure policy', async () => {
    await using bench = controllerBench()
    await start(bench, {
      podFailurePolicy: {
        rules: [
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
        ],
      },
    })
    const [pod] = activePods(bench)
    await end(bench, pod, 'Failed', 42)
    assert.deepEqual(conditions(bench), ['FailureTarget PodFailurePolicy', 'Failed PodFailurePolicy'])
    const message = current(bench).status.conditions?.find(({ type }) => type === 'Failed')?.message
    assert.equal(
      message,
      `Container web for pod default/${pod?.metadata.name ?? ''} failed with exit code 42 matching FailJob rule at index 1`,
    )
  })

  it('succeeds early by its success policy and stops the rest', async () => {
    await using bench = controllerBench()
    await start(bench, { completionMode: 'Indexed', completions: 3, parallelism: 3, successPolicy: { rules: [{ succeededIndexes: '0' }] } })
    await end(bench, activePods(bench)[0], 'Succeeded')
    assert.deepEqual(conditions(bench), ['SuccessCriteriaMet SuccessPolicy', 'Complete SuccessPolicy'])
    assert.equal(activePods(bench).length, 0)
    assert.equal(current(bench).status.failed, undefined)
  })

  it('lets the pods of a Job that is gone go', async () => {
    await using bench = controllerBench()
    await start(bench)
    const [pod] = activePods(bench)
    assert.ok(pod)
    bench.cluster.remove(jobs, { namespace: 'default', name: 'work' })
    await bench.settle()
    assert.deepEqual(bench.cluster.all(pods)[0]?.metadata.finalizers, [])
  })

  it('leaves a Job that another controller manages alone', async () => {
    await using bench = controllerBench()
    await start(bench, { managedBy: 'example.com/other' })
    assert.equal(bench.cluster.all(pods).length, 0)
  })
})
