import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Container, Pod, PodStatus } from '../../../api/types/core-v1.ts'
import type { ContainerRecord, PodRuntime } from '../pod-runtime.ts'
import { buildPodStatus, type PodStatusInput } from './pod-status.ts'

const container = (name: string, extra: Partial<Container> = {}): Container => ({ name, image: 'i', resources: {}, ...extra })
const pod = (spec: Partial<Pod['spec']> = {}): Pod =>
  ({
    metadata: { name: 'p', namespace: 'd', uid: 'u', generation: 3 },
    spec: { containers: [container('a')], ...spec },
    status: {},
  }) as unknown as Pod
const record = (name: string, extra: Partial<ContainerRecord> = {}): ContainerRecord => ({
  id: `id-${name}-${extra.restartCount ?? 0}`,
  name,
  sandboxId: 's',
  phase: 'running',
  restartCount: 0,
  createdAtMs: 0,
  startedAtMs: 1000,
  finishedAtMs: 0,
  exitCode: 0,
  reason: '',
  message: '',
  image: 'full/i:1',
  imageId: 'sha256:1',
  hash: '',
  graceSeconds: 30,
  logPath: '',
  ...extra,
})
const exited = (name: string, exitCode: number, extra: Partial<ContainerRecord> = {}): ContainerRecord =>
  record(name, { phase: 'exited', exitCode, finishedAtMs: 2000, reason: exitCode === 0 ? 'Completed' : 'Error', ...extra })
const runtime = (containers: readonly ContainerRecord[], isReady = true): PodRuntime => ({
  uid: 'u',
  name: 'p',
  namespace: 'd',
  sandboxes: [
    {
      id: 's',
      name: 'p',
      namespace: 'd',
      uid: 'u',
      attempt: 0,
      isReady,
      createdAtMs: 0,
      labels: {},
      annotations: {},
      runtimeHandler: '',
      ips: ['10.0.0.1'],
      isHostNetwork: false,
    },
  ],
  containers,
})

function status(spec: Partial<Pod['spec']>, containers: readonly ContainerRecord[], extra: Partial<PodStatusInput> = {}): PodStatus {
  return buildPodStatus({
    pod: pod(spec),
    runtime: runtime(containers),
    old: {},
    waiting: new Map(),
    starting: new Set(),
    readiness: () => undefined,
    startup: () => undefined,
    isTerminal: false,
    runtimeName: 'containerd',
    hostIps: ['192.0.2.1'],
    now: 'NOW',
    ...extra,
  })
}

const conditions = (of: PodStatus): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (of.conditions ?? []).map(({ type, status: value, reason }) => [type, reason === undefined ? value : `${value} ${reason}`]),
  )
const never = { restartPolicy: 'Never' } as const

describe('phase', () => {
  const sidecar = container('s', { restartPolicy: 'Always' })
  const crashing = new Map([['a', { reason: 'CrashLoopBackOff', message: '' }]])
  const ab = [container('a'), container('b')]
  const cases: readonly [string, Partial<Pod['spec']>, readonly ContainerRecord[], Partial<PodStatusInput>, string][] = [
    ['nothing started', {}, [], {}, 'Pending'],
    ['running', {}, [record('a')], {}, 'Running'],
    ['one of two not yet started', { containers: ab }, [record('a')], {}, 'Pending'],
    ['an init container running', { initContainers: [container('i')] }, [record('i')], {}, 'Pending'],
    ['ended and to be restarted', {}, [exited('a', 1)], {}, 'Running'],
    ['waiting for its restart', {}, [exited('a', 1)], { waiting: crashing }, 'Running'],
    [
      'all succeeded, sidecar still running',
      { ...never, initContainers: [sidecar] },
      [record('s'), exited('a', 0)],
      { old: { phase: 'Running' } },
      'Running',
    ],
    ['all succeeded and ended', never, [exited('a', 0)], { isTerminal: true }, 'Succeeded'],
    ['one failed and ended', { ...never, containers: ab }, [exited('a', 0), exited('b', 1)], { isTerminal: true }, 'Failed'],
    ['deleted while running', {}, [exited('a', 137)], { isTerminal: true }, 'Failed'],
    ['deleted before it began', {}, [], { isTerminal: true }, 'Failed'],
    ['an init container failed for good', { ...never, initContainers: [container('i')] }, [exited('i', 1)], { isTerminal: true }, 'Failed'],
    ['ended by the node', {}, [exited('a', 0)], { isTerminal: true, verdict: { reason: 'Evicted', message: 'm' } }, 'Failed'],
    ['over before', {}, [], { old: { phase: 'Succeeded' }, isTerminal: true }, 'Succeeded'],
  ]
  for (const [title, spec, records, extra, want] of cases)
    it(`${title}: ${want}`, () => {
      assert.equal(status(spec, records, extra).phase, want)
    })
})

describe('container states', () => {
  it('waits with the reason that fits', () => {
    assert.deepEqual(status({}, []).containerStatuses?.[0]?.state, { waiting: { reason: 'ContainerCreating' } })
    assert.deepEqual(status({ initContainers: [container('i')] }, []).containerStatuses?.[0]?.state, {
      waiting: { reason: 'PodInitializing' },
    })
    const waiting = new Map([['a', { reason: 'ErrImagePull', message: 'm' }]])
    assert.deepEqual(status({}, [], { waiting }).containerStatuses?.[0]?.state, { waiting: { reason: 'ErrImagePull', message: 'm' } })
  })
  it('does not run before its hook has', () => {
    assert.deepEqual(status({}, [record('a')], { starting: new Set(['a']) }).containerStatuses?.[0]?.state, {
      waiting: { reason: 'ContainerCreating' },
    })
  })
  it('remembers how the last run ended', () => {
    const [now] =
      status({}, [record('a', { restartCount: 2 }), exited('a', 3, { restartCount: 1, message: 'why' })]).containerStatuses ?? []
    assert.equal(now?.restartCount, 2)
    assert.deepEqual(now.lastState.terminated, {
      exitCode: 3,
      reason: 'Error',
      message: 'why',
      startedAt: '1970-01-01T00:00:01Z',
      finishedAt: '1970-01-01T00:00:02Z',
      containerID: 'containerd://id-a-1',
    })
  })
  it('keeps what was told of a container that the runtime has forgotten', () => {
    const [told] = status({}, [exited('a', 4)]).containerStatuses ?? []
    const old = { containerStatuses: told === undefined ? [] : [told] }
    assert.equal(status({}, [], { old, isTerminal: true }).containerStatuses?.[0]?.state.terminated?.exitCode, 4)
  })
  it('calls lost what nobody saw end', () => {
    assert.equal(status({}, [], { isTerminal: true }).containerStatuses?.[0]?.state.terminated?.reason, 'ContainerStatusUnknown')
  })
  it('leaves waiting what was never due because a step before it failed', () => {
    const initContainers = [container('i'), container('j'), container('k')]
    const of = status({ ...never, initContainers }, [exited('i', 0), exited('j', 1)], { isTerminal: true })
    assert.equal(of.phase, 'Failed')
    const initStates = of.initContainerStatuses?.map(({ state }) => state.terminated?.exitCode ?? state.waiting?.reason)
    assert.deepEqual(initStates, [0, 1, 'PodInitializing'])
    assert.deepEqual(of.containerStatuses?.[0]?.state, { waiting: { reason: 'PodInitializing' } })
    const initialized = of.conditions?.find(({ type }) => type === 'Initialized')
    assert.equal(initialized?.status, 'False')
    assert.equal(initialized.message, 'containers with incomplete status: [j k]')
  })
  it('tells nothing of the containers of a pod that was turned away, also later', () => {
    const verdict = { reason: 'NodePorts', message: 'm', isRejection: true }
    const told = status({}, [], { isTerminal: true, verdict })
    assert.deepEqual([told.phase, told.reason, told.containerStatuses], ['Failed', 'NodePorts', undefined])
    const again = status({}, [], { isTerminal: true, old: told })
    assert.deepEqual([again.phase, again.reason, again.containerStatuses], ['Failed', 'NodePorts', undefined])
  })
  it('calls the first step lost when a pod ends before any', () => {
    const of = status({ initContainers: [container('i'), container('j')] }, [], { isTerminal: true })
    assert.deepEqual(
      of.initContainerStatuses?.map(({ state }) => state.terminated?.reason),
      ['ContainerStatusUnknown', undefined],
    )
  })
  it('is ready by its probe, and started by its startup probe', () => {
    const probe = { exec: { command: ['x'] } }
    const ready = (extra: Partial<Container>, input: Partial<PodStatusInput>): readonly (boolean | undefined)[] => {
      const [of] = status({ containers: [container('a', extra)] }, [record('a')], input).containerStatuses ?? []
      return [of?.ready, of?.started]
    }
    assert.deepEqual(ready({}, {}), [true, true])
    assert.deepEqual(ready({ readinessProbe: probe }, {}), [false, true])
    assert.deepEqual(ready({ readinessProbe: probe }, { readiness: () => true }), [true, true])
    assert.deepEqual(ready({ startupProbe: probe }, {}), [false, false])
    assert.deepEqual(ready({ startupProbe: probe }, { startup: () => true }), [true, true])
  })
})

describe('conditions', () => {
  it('are all true for a pod that runs', () => {
    const all = { PodReadyToStartContainers: 'True', Initialized: 'True', Ready: 'True', ContainersReady: 'True', PodScheduled: 'True' }
    assert.deepEqual(conditions(status({}, [record('a')])), all)
  })
  it('name what is missing', () => {
    const of = status({ initContainers: [container('i')] }, [])
    assert.deepEqual(conditions(of), {
      PodReadyToStartContainers: 'True',
      Initialized: 'False ContainersNotInitialized',
      Ready: 'False ContainersNotReady',
      ContainersReady: 'False ContainersNotReady',
      PodScheduled: 'True',
    })
    assert.equal(of.conditions?.find(({ type }) => type === 'Initialized')?.message, 'containers with incomplete status: [i]')
    assert.equal(of.conditions.find(({ type }) => type === 'Ready')?.message, 'containers with unready status: [a]')
  })
  it('wait for readiness gates', () => {
    const gated = { readinessGates: [{ conditionType: 'x/y' }] }
    const ready = (old: PodStatus): unknown =>
      status(gated, [record('a')], { old }).conditions?.find(({ type }) => type === 'Ready')?.message
    assert.equal(ready({}), 'corresponding condition of pod readiness gate "x/y" does not exist.')
    assert.equal(
      ready({ conditions: [{ type: 'x/y', status: 'False' }] }),
      'the status of pod readiness gate "x/y" is not "True", but False',
    )
    assert.equal(ready({ conditions: [{ type: 'x/y', status: 'True' }] }), undefined)
  })
  it('keep their time until they change', () => {
    const first = status({}, [], { now: 'THEN' })
    const second = status({}, [record('a')], { old: first })
    const times = Object.fromEntries((second.conditions ?? []).map(({ type, lastTransitionTime }) => [type, lastTransitionTime]))
    assert.deepEqual([times.PodScheduled, times.Ready], ['THEN', 'NOW'])
    assert.equal(second.startTime, 'THEN')
  })
  it('tell a finished pod apart', () => {
    assert.equal(conditions(status(never, [exited('a', 0)], { isTerminal: true })).Ready, 'False PodCompleted')
    assert.equal(conditions(status(never, [exited('a', 1)], { isTerminal: true })).Ready, 'False PodFailed')
  })
})

describe('addresses', () => {
  it("are the host's on the host network", () => {
    assert.equal(status({ hostNetwork: true }, []).podIP, '192.0.2.1')
  })
  it('stay known between two sandboxes', () => {
    const old = { podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] }
    assert.equal(status({}, [], { runtime: runtime([], false), old }).podIP, '10.0.0.9')
  })
})
