import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock, settle } from '../../tests/helpers/fake-clock.ts'
import { FakeCluster } from '../../tests/helpers/fake-cluster.ts'
import { leases } from '../api/kinds.ts'
import { StatusError } from '../meta/status-error.ts'
import { silentLogger } from '../observability/log.ts'
import { leaderElected } from './leader-election.ts'

interface Candidate {
  readonly leading: () => boolean
  readonly outcome: () => string
  stop(): Promise<void>
}

async function candidate(cluster: FakeCluster, identity: string): Promise<Candidate> {
  let leading = false
  let outcome = 'running'
  const abort = new AbortController()
  const lead = async (signal: AbortSignal): Promise<void> => {
    leading = true
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    leading = false
  }
  const election = leaderElected({ client: cluster, clock: cluster.clock, log: silentLogger, name: 'boss', identity, lead })
  const { done } = await election.start(abort.signal)
  const settled = done.then(
    () => {
      outcome = 'stopped'
    },
    (err: unknown) => {
      outcome = (err as Error).message
    },
  )
  await settle()
  return {
    leading: () => leading,
    outcome: () => outcome,
    stop: async () => {
      abort.abort(new Error('stop'))
      await settled
    },
  }
}

describe('leader election', () => {
  it('lets one lead and the next take over as soon as it leaves', async () => {
    const clock = new FakeClock()
    const cluster = new FakeCluster(clock)
    const first = await candidate(cluster, 'a')
    const second = await candidate(cluster, 'b')
    await clock.advance(60_000)
    assert.deepEqual([first.leading(), second.leading()], [true, false])
    await first.stop()
    assert.equal(first.outcome(), 'stopped')
    await clock.advance(4_000)
    assert.equal(second.leading(), true)
    assert.equal(cluster.all(leases)[0]?.spec.leaseTransitions, 1)
    await second.stop()
  })

  it('takes over when the leader has been silent for the length of its lease', async () => {
    const clock = new FakeClock()
    const cluster = new FakeCluster(clock)
    cluster.seed(leases, {
      metadata: { namespace: 'kube-system', name: 'boss' },
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime: '2030-01-01T00:00:00.000000Z' },
    })
    const next = await candidate(cluster, 'b')
    await clock.advance(14_000)
    assert.equal(next.leading(), false)
    await clock.advance(4_000)
    assert.equal(next.leading(), true)
    await next.stop()
  })

  it('stops its work and fails when it cannot renew in time', async () => {
    const clock = new FakeClock()
    const cluster = new FakeCluster(clock)
    const only = await candidate(cluster, 'a')
    cluster.intercept = ({ verb }) => {
      if (verb === 'update') throw new StatusError('ServiceUnavailable', 'away')
    }
    await clock.advance(8_000)
    assert.equal(only.leading(), true)
    await clock.advance(4_000)
    assert.equal(only.leading(), false)
    assert.equal(only.outcome(), 'leadership of boss was lost')
    await only.stop()
  })
})
