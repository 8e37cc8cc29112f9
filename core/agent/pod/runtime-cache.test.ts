import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock, settle } from '../../../tests/helpers/fake-clock.ts'
import { silentLogger } from '../../observability/log.ts'
import { CriError, type RuntimeEvent, type RuntimeService } from '../cri/index.ts'
import { RuntimeCache } from './runtime-cache.ts'

const LABELS = { 'io.kubernetes.pod.uid': 'u', 'io.kubernetes.container.name': 'c' }

/** The few calls that the cache makes, over a list of containers. */
function fakeRuntime(): {
  runtime: RuntimeService
  phases: Map<string, 'running' | 'exited'>
  lists: number
  delay: Promise<void> | undefined
} {
  const state = {
    phases: new Map<string, 'running' | 'exited'>(),
    lists: 0,
    delay: undefined as Promise<void> | undefined,
    runtime: {
      listPodSandboxes: () => Promise.resolve([]),
      listContainers: async () => {
        state.lists += 1
        const seen = [...state.phases].map(([id, phase]) => ({
          id,
          sandboxId: 's',
          labels: LABELS,
          annotations: {},
          phase,
          createdAtMs: 0,
        }))
        await state.delay
        return seen
      },
      containerStatus: (id: string) =>
        Promise.resolve({
          id,
          name: 'c',
          phase: state.phases.get(id) ?? 'exited',
          labels: LABELS,
          annotations: {},
          mounts: [],
          createdAtMs: 0,
          logPath: '',
        }),
    } as unknown as RuntimeService,
  }
  return state
}

describe('RuntimeCache', () => {
  it('reads a pod until the runtime agrees that its container has ended', async () => {
    const fake = fakeRuntime()
    const clock = new FakeClock(0)
    const abort = new AbortController()
    const pushed: RuntimeEvent[] = [{ containerId: 'c1', kind: 'exit' }]
    async function* source(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
      yield* pushed
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('over'))))
    }
    const cache = new RuntimeCache({ runtime: fake.runtime, eventSources: [source], clock, log: silentLogger })
    const changes: string[] = []
    fake.phases.set('c1', 'running')
    await cache.refresh('u', abort.signal)
    cache.onChange((uid) => changes.push(uid))
    const running = cache.run(abort.signal)
    await settle()
    assert.equal(cache.get('u').containers[0]?.phase, 'running', 'the event came before the state')
    fake.phases.set('c1', 'exited')
    await clock.advance(10)
    await settle()
    assert.equal(cache.get('u').containers[0]?.phase, 'exited')
    assert.deepEqual(changes, ['u'])
    abort.abort(new Error('enough'))
    await running
  })

  it('looks every second when the runtime tells nothing', async () => {
    const fake = fakeRuntime()
    const clock = new FakeClock(0)
    const abort = new AbortController()
    async function* none(): AsyncIterable<RuntimeEvent> {
      throw new CriError('Unimplemented', 'no events', { call: 'Subscribe' })
    }
    const cache = new RuntimeCache({ runtime: fake.runtime, eventSources: [none, none], clock, log: silentLogger })
    const running = cache.run(abort.signal)
    await settle()
    const before = fake.lists
    fake.phases.set('c1', 'running')
    await clock.advance(1_000)
    await settle()
    assert.equal(fake.lists, before + 1)
    assert.equal(cache.get('u').containers[0]?.phase, 'running')
    abort.abort(new Error('enough'))
    await running
  })

  it('never lets an older read replace a newer one', async () => {
    const fake = fakeRuntime()
    const cache = new RuntimeCache({ runtime: fake.runtime, eventSources: [], clock: new FakeClock(0), log: silentLogger })
    const { signal } = new AbortController()
    fake.phases.set('c1', 'running')
    const gate = Promise.withResolvers<undefined>()
    fake.delay = gate.promise
    const slow = cache.refresh('u', signal)
    fake.delay = undefined
    fake.phases.set('c2', 'running')
    await cache.refresh('u', signal)
    gate.resolve(undefined)
    assert.equal((await slow).containers.length, 2, 'the slow reader gets what is known now')
    assert.equal(cache.get('u').containers.length, 2)
  })
})
