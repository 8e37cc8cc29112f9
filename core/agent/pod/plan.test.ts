import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Container, Pod } from '../../api/types/core-v1.ts'
import { type PodPlan, planPod, type ProbeFindings } from './plan.ts'
import type { ContainerRecord, PodRuntime } from './pod-runtime.ts'
import { containerHash } from './runtime-labels.ts'

const container = (name: string, extra: Partial<Container> = {}): Container => ({ name, image: 'i', resources: {}, ...extra })
const pod = (spec: Partial<Pod['spec']>): Pod =>
  ({ metadata: { name: 'p', namespace: 'd', uid: 'u' }, spec: { containers: [container('a')], ...spec }, status: {} }) as unknown as Pod

const record = (name: string, extra: Partial<ContainerRecord> = {}): ContainerRecord => ({
  id: `id-${name}`,
  name,
  sandboxId: 's0',
  phase: 'running',
  restartCount: 0,
  createdAtMs: 0,
  startedAtMs: 1,
  finishedAtMs: 0,
  exitCode: 0,
  reason: '',
  message: '',
  image: 'i',
  imageId: 'i',
  hash: containerHash(container(name)),
  graceSeconds: 30,
  logPath: '',
  ...extra,
})
const exited = (name: string, exitCode: number, extra: Partial<ContainerRecord> = {}): ContainerRecord =>
  record(name, { phase: 'exited', exitCode, ...extra })

const runtime = (containers: readonly ContainerRecord[], sandbox: object = {}): PodRuntime =>
  ({
    uid: 'u',
    name: 'p',
    namespace: 'd',
    sandboxes: [{ id: 's0', attempt: 0, isReady: true, ips: ['10.0.0.1'], isHostNetwork: false, ...sandbox }],
    containers,
  }) as unknown as PodRuntime
const NO_RUNTIME = { uid: 'u', name: '', namespace: '', sandboxes: [], containers: [] }

const probes = (liveness?: boolean, startup?: boolean): ProbeFindings => ({ liveness: () => liveness, startup: () => startup })

/** The plan in short: what is killed, made and started. */
function short(plan: PodPlan): string {
  const parts = [
    plan.killPod && 'killPod',
    plan.createSandbox && `sandbox#${plan.attempt}`,
    ...plan.kill.map(({ record: { name } }) => `kill ${name}`),
    ...plan.startInit.map(({ name }) => `init ${name}`),
    ...plan.start.map(({ name }) => `start ${name}`),
    ...plan.startEphemeral.map(({ name }) => `debug ${name}`),
  ]
  return parts.filter((part) => part !== false).join(', ')
}

interface Case {
  readonly title: string
  readonly pod: Partial<Pod['spec']>
  readonly runtime: PodRuntime
  readonly probes?: ProbeFindings
  readonly want: string
}

const LIVE = { livenessProbe: { exec: { command: ['x'] } } } as Partial<Container>
const STARTUP = { startupProbe: { exec: { command: ['x'] } } } as Partial<Container>
const SIDECAR = { restartPolicy: 'Always' }
const ab = { containers: [container('a'), container('b')] }

const CASES: readonly Case[] = [
  { title: 'a new pod gets a sandbox and its containers', pod: ab, runtime: NO_RUNTIME, want: 'killPod, sandbox#0, start a, start b' },
  {
    title: 'a new pod with init containers begins with the first',
    pod: { initContainers: [container('i'), container('j')] },
    runtime: NO_RUNTIME,
    want: 'killPod, sandbox#0, init i',
  },
  { title: 'a running pod is left alone', pod: ab, runtime: runtime([record('a'), record('b')]), want: '' },
  { title: 'a missing container is started', pod: ab, runtime: runtime([record('a')]), want: 'start b' },
  { title: 'an exited container restarts under Always', pod: ab, runtime: runtime([record('a'), exited('b', 0)]), want: 'start b' },
  {
    title: 'a success stays under OnFailure',
    pod: { ...ab, restartPolicy: 'OnFailure' },
    runtime: runtime([record('a'), exited('b', 0)]),
    want: '',
  },
  {
    title: 'a failure restarts under OnFailure',
    pod: { ...ab, restartPolicy: 'OnFailure' },
    runtime: runtime([record('a'), exited('b', 1)]),
    want: 'start b',
  },
  {
    title: 'a finished pod is torn down',
    pod: { ...ab, restartPolicy: 'Never' },
    runtime: runtime([exited('a', 1), exited('b', 0)]),
    want: 'killPod',
  },
  {
    title: 'a dead sandbox is replaced with all its containers',
    pod: ab,
    runtime: runtime([exited('a', 137), exited('b', 137)], { isReady: false }),
    want: 'killPod, sandbox#1, start a, start b',
  },
  {
    title: 'a dead sandbox of a finished pod is not replaced',
    pod: { restartPolicy: 'Never' },
    runtime: runtime([exited('a', 0)], { isReady: false }),
    want: 'killPod',
  },
  {
    title: 'under OnFailure a new sandbox only gets what failed',
    pod: { ...ab, restartPolicy: 'OnFailure' },
    runtime: runtime([exited('a', 0), exited('b', 2)], { isReady: false }),
    want: 'killPod, sandbox#1, start b',
  },
  { title: 'a sandbox without an address is replaced', pod: {}, runtime: runtime([], { ips: [] }), want: 'killPod, sandbox#1, start a' },
  {
    title: 'host network needs no address',
    pod: { hostNetwork: true },
    runtime: runtime([], { ips: [], isHostNetwork: true }),
    want: 'start a',
  },
  {
    title: 'a changed image replaces the container',
    pod: { containers: [container('a', { image: 'new' })] },
    runtime: runtime([record('a')]),
    want: 'kill a, start a',
  },
  {
    title: 'a failed liveness probe restarts',
    pod: { containers: [container('a', LIVE)] },
    runtime: runtime([record('a')]),
    probes: probes(false),
    want: 'kill a, start a',
  },
  {
    title: 'a failed liveness probe under Never only kills',
    pod: { containers: [container('a', LIVE)], restartPolicy: 'Never' },
    runtime: runtime([record('a')]),
    probes: probes(false),
    want: 'kill a',
  },
  {
    title: 'a failed startup probe restarts',
    pod: { containers: [container('a', STARTUP)] },
    runtime: runtime([record('a')]),
    probes: probes(undefined, false),
    want: 'kill a, start a',
  },
  {
    title: 'the next init container follows a success',
    pod: { initContainers: [container('i'), container('j')] },
    runtime: runtime([exited('i', 0)]),
    want: 'init j',
  },
  {
    title: 'nothing starts while an init container runs',
    pod: { initContainers: [container('i')] },
    runtime: runtime([record('i')]),
    want: '',
  },
  {
    title: 'a failed init container is tried again',
    pod: { initContainers: [container('i')] },
    runtime: runtime([exited('i', 1)]),
    want: 'init i',
  },
  {
    title: 'a failed init container ends the pod under Never',
    pod: { initContainers: [container('i')], restartPolicy: 'Never' },
    runtime: runtime([exited('i', 1)]),
    want: 'killPod',
  },
  {
    title: 'containers follow the last init container',
    pod: { initContainers: [container('i')] },
    runtime: runtime([exited('i', 0)]),
    want: 'start a',
  },
  {
    title: 'init containers are not repeated once a container ran',
    pod: { initContainers: [container('i')] },
    runtime: runtime([record('a')]),
    want: '',
  },
  {
    title: 'a sidecar that runs lets the next go on',
    pod: { initContainers: [container('s', SIDECAR), container('i')] },
    runtime: runtime([record('s')]),
    want: 'init i',
  },
  {
    title: 'a sidecar with a startup probe holds back what follows',
    pod: { initContainers: [container('s', { ...SIDECAR, ...STARTUP })] },
    runtime: runtime([record('s')]),
    want: '',
  },
  {
    title: 'a started sidecar lets containers start',
    pod: { initContainers: [container('s', { ...SIDECAR, ...STARTUP })] },
    runtime: runtime([record('s')]),
    probes: probes(undefined, true),
    want: 'start a',
  },
  {
    title: 'a sidecar that died restarts beside running containers',
    pod: { initContainers: [container('s', SIDECAR)] },
    runtime: runtime([exited('s', 0), record('a')]),
    want: 'init s',
  },
  {
    title: 'sidecars do not keep a finished pod alive',
    pod: { initContainers: [container('s', SIDECAR)], restartPolicy: 'Never' },
    runtime: runtime([record('s'), exited('a', 0)]),
    want: 'killPod',
  },
  {
    title: 'a container that was created but never started is started anew',
    pod: {},
    runtime: runtime([record('a', { phase: 'created' })]),
    want: 'start a',
  },
  {
    title: 'a restart rule overrides the policy',
    pod: {
      containers: [
        container('a', {
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
          restartPolicy: 'Never',
        }),
      ],
      restartPolicy: 'Never',
    },
    runtime: runtime([exited('a', 42)]),
    want: 'start a',
  },
  {
    title: 'an ephemeral container starts once',
    pod: { ephemeralContainers: [{ name: 'd', image: 'i', resources: {} }] },
    runtime: runtime([record('a')]),
    want: 'debug d',
  },
  {
    title: 'an ephemeral container never restarts',
    pod: { ephemeralContainers: [{ name: 'd', image: 'i', resources: {} }] },
    runtime: runtime([record('a'), exited('d', 1)]),
    want: '',
  },
]

describe('planPod', () => {
  for (const { title, pod: spec, runtime: state, probes: findings = probes(), want } of CASES)
    it(title, () => {
      assert.equal(short(planPod(pod(spec), state, findings)), want)
    })
})
