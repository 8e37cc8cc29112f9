import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Job } from '../../core/api/types/batch-v1.ts'
import type { Pod, Secret } from '../../core/api/types/core-v1.ts'
import { type ChartState, classify, newestRelease } from './state.ts'
import { CONFIG_HASH } from './types.ts'

const HASH = 'SHA256=ABCDEF'

function job(options: { hash?: string; suspend?: boolean; conditions?: readonly string[]; active?: number } = {}): Job {
  return {
    metadata: { name: 'helm-install-a', namespace: 'ns', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { suspend: options.suspend ?? false, template: { metadata: { annotations: { [CONFIG_HASH]: options.hash ?? HASH } } } },
    status: {
      active: options.active ?? 0,
      completionTime: '2026-01-01T00:01:00Z',
      conditions: (options.conditions ?? []).map((type) => ({ type, status: 'True' })),
    },
  } as unknown as Job
}

function pod(created: string, terminated: unknown): Pod {
  return {
    metadata: { creationTimestamp: created },
    status: { containerStatuses: [{ state: {}, lastState: { terminated } }] },
  } as unknown as Pod
}

const deployed = { revision: '3', status: 'deployed', hashLabel: 'abcdef' }

describe('state of a chart', () => {
  const cases: readonly {
    readonly title: string
    readonly job?: Job
    readonly release?: typeof deployed
    readonly want: ChartState['kind']
  }[] = [
    { title: 'has no job yet', want: 'no-job' },
    { title: 'waits until the Job controller took a suspended job over', job: job({ suspend: true }), want: 'running' },
    { title: 'resumes it then', job: job({ suspend: true, conditions: ['Suspended'] }), want: 'resume' },
    { title: 'runs', job: job({ active: 1 }), want: 'running' },
    { title: 'is deployed', job: job({ conditions: ['Complete'] }), release: deployed, want: 'deployed' },
    {
      title: 'drifted when the release has another hash',
      job: job({ conditions: ['Complete'] }),
      release: { ...deployed, hashLabel: 'other' },
      want: 'drifted',
    },
    { title: 'drifted when the release is gone', job: job({ conditions: ['Complete'] }), want: 'drifted' },
    { title: 'failed for good', job: job({ conditions: ['Failed'] }), want: 'failed' },
    {
      title: 'is outdated when the specification changed',
      job: job({ hash: 'SHA256=00', conditions: ['Complete'] }),
      release: deployed,
      want: 'outdated',
    },
  ]
  for (const entry of cases) {
    it(entry.title, () => {
      assert.equal(classify({ job: entry.job, hash: HASH, release: entry.release, pods: [] }).kind, entry.want)
    })
  }

  it('lets a running job of an older specification end before it is replaced', () => {
    const running = classify({ job: job({ hash: 'SHA256=00', active: 1 }), hash: HASH, release: undefined, pods: [] })
    assert.deepEqual([running.kind, running.kind === 'outdated' && running.finished], ['outdated', false])
    const idle = classify({ job: job({ hash: 'SHA256=00', suspend: true }), hash: HASH, release: undefined, pods: [] })
    assert.deepEqual([idle.kind, idle.kind === 'outdated' && idle.finished], ['outdated', true])
  })

  it("reports helm's message of the newest failed pod", () => {
    const pods = [
      pod('2026-01-01T00:00:00Z', { exitCode: 1, message: 'old' }),
      pod('2026-01-01T00:00:05Z', { exitCode: 1, message: 'Error: parse error' }),
    ]
    const state = classify({ job: job({ active: 1 }), hash: HASH, release: undefined, pods })
    assert.equal(state.kind === 'running' && state.problem, 'Error: parse error')
  })

  it('takes the release with the highest revision, by number', () => {
    const secret = (version: string): Secret =>
      ({ metadata: { labels: { version, status: version === '10' ? 'deployed' : 'superseded' } } }) as unknown as Secret
    assert.deepEqual(newestRelease([secret('9'), secret('10'), secret('2')]), { revision: '10', status: 'deployed', hashLabel: '' })
  })
})
