import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cronJobs, jobs } from '../../../core/api/kinds.ts'
import type { CronJobSpec, JobStatus } from '../../../core/api/types/batch-v1.ts'
import type { Draft } from '../../../core/meta/object.ts'
import { toTimestamp } from '../../../core/runtime/clock.ts'
import { podTemplate } from '../../../tests/helpers/builders.ts'
import { type Bench, controllerBench, namesOf } from '../../../tests/helpers/controller-bench.ts'
import { ttlAfterFinishedController } from '../ttl-after-finished.ts'
import { cronJobController } from './cron-job.ts'
import { isTimeZone, parseSchedule } from './schedule.ts'

const MINUTE = 60_000
const at = (text: string): number => Date.parse(text)

describe('schedule', () => {
  for (const { text, zone, from, next } of [
    { text: '*/5 * * * *', from: '2026-01-01T00:01:00Z', next: '2026-01-01T00:05:00Z' },
    { text: '0 12 ? * *', from: '2026-01-01T13:00:00Z', next: '2026-01-02T12:00:00Z' },
    { text: '0 9 * * MON', from: '2026-01-01T00:00:00Z', next: '2026-01-05T09:00:00Z' },
    { text: '@daily', from: '2026-01-01T13:00:00Z', next: '2026-01-02T00:00:00Z' },
    { text: '@every 90s', from: '2026-01-01T00:00:00Z', next: '2026-01-01T00:01:30Z' },
    { text: '0 9 * * *', zone: 'America/New_York', from: '2026-07-01T00:00:00Z', next: '2026-07-01T13:00:00Z' },
    { text: '0 0 13 * 5', from: '2026-01-01T00:00:00Z', next: '2026-01-02T00:00:00Z' },
  ]) {
    it(`${text} ${zone ?? ''} after ${from}`, () => {
      const schedule = parseSchedule(text, zone ?? 'UTC')
      assert.equal(toTimestamp(schedule.next(at(from)) ?? 0), next)
      assert.equal(schedule.latest(at(from), at(next)), at(next))
      assert.equal(schedule.latest(at(next), at(next)), undefined)
      assert.equal(schedule.latest(at(from), at(next) - 1_000), undefined)
    })
  }
  it('refuses what is no schedule', () => {
    for (const text of ['', '* * * *', '61 * * * *', '* * * * * *', '@every x', '@never'])
      assert.throws(() => parseSchedule(text), Error, text)
  })
  it('knows time zones', () => assert.deepEqual([isTimeZone('Europe/Berlin'), isTimeZone('No/Where')], [true, false]))
})

async function start(bench: Bench, spec: Draft<CronJobSpec> = {}): Promise<void> {
  const { cluster, recorder, clock } = bench
  cluster.seed(cronJobs, {
    metadata: { namespace: 'default', name: 'tick' },
    spec: {
      schedule: '*/5 * * * *',
      timeZone: 'UTC',
      concurrencyPolicy: 'Allow',
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      jobTemplate: { metadata: { labels: { a: 'b' } }, spec: { template: podTemplate() } },
      ...spec,
    },
    status: {},
  })
  await bench.run(
    cronJobController({
      client: cluster,
      cronJobs: cluster.informers.informer(cronJobs),
      jobs: cluster.informers.informer(jobs),
      recorder,
      clock,
    }),
  )
}
const pass = async (bench: Bench, minutes: number): Promise<void> => {
  await bench.clock.advance(minutes * MINUTE)
  await bench.settle()
}
const finish = async (bench: Bench, name: string, type: 'Complete' | 'Failed'): Promise<void> => {
  const now = toTimestamp(bench.clock.now())
  const status = {
    startTime: now,
    completionTime: now,
    conditions: [{ type, status: 'True', lastTransitionTime: now }],
  } as unknown as JobStatus
  bench.cluster.change(jobs, { namespace: 'default', name }, (object) => ({ ...object, status }))
  await bench.settle()
}
const statusOf = (bench: Bench) => bench.cluster.all(cronJobs)[0]?.status
const jobName = (minutes: number): string => `tick-${at('2026-01-01T00:00:00Z') / MINUTE + minutes}`

describe('CronJob controller', () => {
  it('starts a Job at each due time and follows it', async () => {
    await using bench = controllerBench()
    await start(bench)
    await pass(bench, 4)
    assert.equal(bench.cluster.all(jobs).length, 0)
    await pass(bench, 1.1)
    const [job] = bench.cluster.all(jobs)
    assert.equal(job?.metadata.name, jobName(5))
    assert.equal(job.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'], '2026-01-01T00:05:00Z')
    assert.deepEqual(job.metadata.labels, { a: 'b' })
    assert.equal(job.metadata.ownerReferences?.[0]?.kind, 'CronJob')
    assert.equal(statusOf(bench)?.lastScheduleTime, '2026-01-01T00:05:00Z')
    assert.deepEqual(
      statusOf(bench)?.active?.map(({ name }) => name),
      [jobName(5)],
    )
    await finish(bench, jobName(5), 'Complete')
    assert.equal(statusOf(bench)?.active, undefined)
    assert.match(statusOf(bench)?.lastSuccessfulTime ?? '', /^2026-01-01T00:05:0/)
    assert.deepEqual(bench.recorder.events, [
      `Normal SuccessfulCreate Created job ${jobName(5)}`,
      `Normal SawCompletedJob Saw completed job: ${jobName(5)}, condition: Complete`,
    ])
  })

  it('starts one Job after a long absence, the most recent', async () => {
    await using bench = controllerBench()
    const { cluster } = bench
    await start(bench, { suspend: true })
    await pass(bench, 600)
    cluster.change(cronJobs, { namespace: 'default', name: 'tick' }, (object) => ({ ...object, spec: { ...object.spec, suspend: false } }))
    await bench.settle()
    assert.deepEqual(namesOf(cluster.all(jobs)), [jobName(600)])
    assert.match(bench.recorder.events[0] ?? '', /^Warning TooManyMissedTimes too many missed start times: 120\./)
  })

  it('does not overlap under Forbid, and replaces under Replace', async () => {
    await using bench = controllerBench()
    await start(bench, { concurrencyPolicy: 'Forbid' })
    await pass(bench, 10.1)
    assert.deepEqual(namesOf(bench.cluster.all(jobs)), [jobName(5)])
    assert.ok(bench.recorder.events.some((event) => event.startsWith('Normal JobAlreadyActive')))
    bench.cluster.change(cronJobs, { namespace: 'default', name: 'tick' }, (object) => ({
      ...object,
      spec: { ...object.spec, concurrencyPolicy: 'Replace' as const },
    }))
    await pass(bench, 5)
    assert.deepEqual(namesOf(bench.cluster.all(jobs)), [jobName(15)])
  })

  it('keeps as many finished Jobs as its limits say', async () => {
    await using bench = controllerBench()
    await start(bench, { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 })
    for (const [minutes, outcome] of [
      [5, 'Complete'],
      [10, 'Failed'],
      [15, 'Complete'],
      [20, 'Failed'],
    ] as const) {
      await pass(bench, 5.01)
      await finish(bench, jobName(minutes), outcome)
    }
    assert.deepEqual(namesOf(bench.cluster.all(jobs)), [jobName(15), jobName(20)])
  })

  it('says what is wrong with a schedule or a time zone', async () => {
    await using bench = controllerBench()
    await start(bench, { schedule: 'never' })
    await pass(bench, 10)
    assert.match(bench.recorder.events[0] ?? '', /^Warning UnparseableSchedule unparseable schedule: "never" : /)
  })
})

describe('time to live of finished Jobs', () => {
  it('deletes a Job in the foreground when its time is over', async () => {
    await using bench = controllerBench()
    const { cluster, clock } = bench
    cluster.seed(jobs, {
      metadata: { namespace: 'default', name: 'done' },
      spec: { ttlSecondsAfterFinished: 60, template: podTemplate() },
      status: {},
    })
    cluster.seed(jobs, { metadata: { namespace: 'default', name: 'kept' }, spec: { template: podTemplate() }, status: {} })
    await bench.run(ttlAfterFinishedController({ client: cluster, jobs: cluster.informers.informer(jobs), clock }))
    await finish(bench, 'done', 'Complete')
    await finish(bench, 'kept', 'Complete')
    await pass(bench, 0.9)
    assert.equal(cluster.actions.length, 0)
    await pass(bench, 0.2)
    const [deletion] = cluster.actions
    assert.deepEqual(
      [deletion?.verb, deletion?.key, (deletion?.object as { propagationPolicy: string }).propagationPolicy],
      ['delete', 'default/done', 'Foreground'],
    )
  })
})
