import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock, settle } from '../../tests/helpers/fake-clock.ts'
import { FakeCluster } from '../../tests/helpers/fake-cluster.ts'
import { events, pods } from '../api/kinds.ts'
import type { Event, Pod } from '../api/types/core-v1.ts'
import { StatusError } from '../meta/status-error.ts'
import { silentLogger } from '../observability/log.ts'
import { createRecorder, type RunningRecorder } from './recorder.ts'

interface Stage extends AsyncDisposable {
  readonly cluster: FakeCluster
  readonly clock: FakeClock
  readonly recorder: RunningRecorder
  readonly pod: Pod
  readonly written: () => readonly Event[]
}

async function stage(): Promise<Stage> {
  const clock = new FakeClock()
  const cluster = new FakeCluster(clock)
  const pod = cluster.seed(pods, { metadata: { namespace: 'default', name: 'web' } })
  const recorder = createRecorder({ client: cluster, clock, log: silentLogger, component: 'unit', host: 'n1' })
  const abort = new AbortController()
  const { done } = await recorder.start(abort.signal)
  return {
    cluster,
    clock,
    recorder,
    pod,
    written: () => cluster.all(events),
    [Symbol.asyncDispose]: async () => {
      abort.abort()
      await done
    },
  }
}

describe('event recorder', () => {
  it('writes what happened to what, when and by whom', async () => {
    await using s = await stage()
    s.recorder.event(s.pod, 'Warning', 'BackOff', 'Back-off restarting')
    await settle()
    const [event] = s.written()
    assert.match(event?.metadata.name ?? '', /^web\.[0-9a-f]+$/)
    assert.deepEqual(event?.involvedObject, {
      apiVersion: 'v1',
      kind: 'Pod',
      namespace: 'default',
      name: 'web',
      uid: s.pod.metadata.uid,
      resourceVersion: s.pod.metadata.resourceVersion,
    })
    assert.deepEqual([event.type, event.reason, event.message, event.count], ['Warning', 'BackOff', 'Back-off restarting', 1])
    assert.deepEqual([event.source, event.reportingComponent, event.reportingInstance], [{ component: 'unit', host: 'n1' }, 'unit', 'n1'])
    assert.deepEqual([event.firstTimestamp, event.lastTimestamp], ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'])
  })

  it('counts repetitions on one event', async () => {
    await using s = await stage()
    for (let i = 0; i < 3; i++) {
      s.recorder.event(s.pod, 'Normal', 'Pulled', 'same')
      await s.clock.advance(1_000)
    }
    assert.equal(s.written().length, 1)
    assert.deepEqual([s.written()[0]?.count, s.written()[0]?.lastTimestamp], [3, '2026-01-01T00:00:02Z'])
  })

  it('begins anew when the event has expired on the server', async () => {
    await using s = await stage()
    s.recorder.event(s.pod, 'Normal', 'Pulled', 'same')
    await settle()
    s.cluster.remove(events, s.written()[0]?.metadata ?? { name: '' })
    s.recorder.event(s.pod, 'Normal', 'Pulled', 'same')
    await settle()
    assert.equal(s.written()[0]?.count, 1)
  })

  it('combines many messages of one reason', async () => {
    await using s = await stage()
    for (let i = 0; i < 15; i++) s.recorder.event(s.pod, 'Normal', 'Created', `container ${i}`)
    await settle()
    const combined = s.written().filter(({ message }) => message?.startsWith('(combined from similar events): '))
    assert.equal(s.written().length, 10)
    assert.deepEqual(
      combined.map(({ count }) => count),
      [6],
    )
  })

  it('lets a talkative source say 25 things about one object, then one in five minutes', async () => {
    await using s = await stage()
    for (let i = 0; i < 40; i++) s.recorder.event(s.pod, 'Normal', `Reason${i}`, 'm')
    await settle()
    assert.equal(s.written().length, 25)
    await s.clock.advance(301_000)
    s.recorder.event(s.pod, 'Normal', 'Later', 'm')
    s.recorder.forComponent('other').event(s.pod, 'Normal', 'Fresh', 'm')
    await settle()
    assert.deepEqual(
      s
        .written()
        .slice(25)
        .map(({ reason }) => reason),
      ['Later', 'Fresh'],
    )
  })

  it('retries while the server is in trouble, and gives up what it refuses', async () => {
    await using s = await stage()
    let failures = 2
    s.cluster.intercept = ({ verb }) => {
      if (verb === 'create' && failures-- > 0) throw new StatusError('InternalError', 'no luck')
    }
    s.recorder.event(s.pod, 'Normal', 'A', 'm')
    await s.clock.advance(20_000)
    assert.deepEqual(
      s.written().map(({ reason }) => reason),
      ['A'],
    )
    s.cluster.intercept = () => {
      throw new StatusError('Forbidden', 'namespace is being terminated')
    }
    s.recorder.event(s.pod, 'Normal', 'B', 'm')
    await settle()
    s.cluster.intercept = () => {}
    s.recorder.event(s.pod, 'Normal', 'C', 'm')
    await settle()
    assert.deepEqual(
      s.written().map(({ reason }) => reason),
      ['A', 'C'],
    )
  })

  it('puts events about cluster-scoped objects into default', async () => {
    await using s = await stage()
    s.recorder.event({ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u', fieldPath: 'spec' }, 'Normal', 'Starting', 'm')
    await settle()
    assert.equal(s.written()[0]?.metadata.namespace, 'default')
    assert.equal(s.written()[0]?.involvedObject.fieldPath, 'spec')
  })
})
