import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod } from '../../../../api/types/core-v1.ts'
import { podDef } from '../../core/pod.ts'
import type { Work } from '../../resource-def.ts'
import { created } from '../../testing.ts'
import { preparePodStatus } from '../strategy.ts'
import { validatePodStatus } from './status.ts'

const STARTED = '2026-03-01T12:00:00Z'
const running = { running: { startedAt: STARTED } }
const ended = (exitCode: number): object => ({ terminated: { exitCode, reason: 'Error', startedAt: STARTED, finishedAt: STARTED } })
const state = (name: string, value: object): object => ({ name, state: value, ready: false, restartCount: 0, image: 'i', imageID: '' })

/** Problems of a kubelet's change from one status to another. */
function problemsOf(spec: object, before: object, after: object, annotations: object = {}): string[] {
  const make = (status: object, metadata: object): Work<Pod> => {
    const pod = created(podDef, { metadata, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } })
    pod.status = { ...pod.status, ...status }
    return pod
  }
  const old = make(before, {}) as Pod
  const next = make(after, { annotations })
  preparePodStatus(next, old)
  return validatePodStatus(next as Pod, old).map(({ field, message }) => `${field}: ${message}`)
}

const REVIVED = 'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state'

const TRANSITIONS: readonly (readonly [string, object, number, readonly string[]])[] = [
  ['a container of a pod that always restarts', {}, 1, []],
  ['a failed container of a pod that restarts on failure', { restartPolicy: 'OnFailure' }, 1, []],
  ['a finished container of a pod that restarts on failure', { restartPolicy: 'OnFailure' }, 0, [REVIVED]],
  ['a failed container of a pod that never restarts', { restartPolicy: 'Never' }, 1, [REVIVED]],
  [
    'a container with a policy of its own',
    { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i', restartPolicy: 'OnFailure' }] },
    1,
    [],
  ],
  [
    'a container with a rule for its exit code',
    {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'c',
          image: 'i',
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
        },
      ],
    },
    42,
    [],
  ],
]

describe('pod status', () => {
  for (const [title, spec, exitCode, problems] of TRANSITIONS)
    it(`decides whether to revive ${title}`, () => {
      const before = { containerStatuses: [state('c', ended(exitCode))] }
      assert.deepEqual(problemsOf(spec, before, { containerStatuses: [state('c', running)] }), problems)
    })

  it('never revives an ephemeral container', () => {
    assert.deepEqual(
      problemsOf({}, { ephemeralContainerStatuses: [state('e', ended(0))] }, { ephemeralContainerStatuses: [state('e', running)] }),
      ['status.ephemeralContainerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state'],
    )
  })

  it('has one address of each family', () => {
    const addresses = (...ips: string[]): object => ({ podIPs: ips.map((ip) => ({ ip })) })
    assert.deepEqual(problemsOf({}, {}, addresses('10.42.0.1', 'fd00::1')), [])
    assert.deepEqual(problemsOf({}, {}, addresses('10.42.0.1', '10.42.0.1')), [
      'status.podIPs: Invalid value: [{"ip":"10.42.0.1"},{"ip":"10.42.0.1"}]: may specify no more than one IP for each IP family',
      'status.podIPs[1]: Duplicate value: {"ip":"10.42.0.1"}',
    ])
    assert.deepEqual(problemsOf({}, {}, { hostIP: '10.0.0.1', hostIPs: [{ ip: '10.0.0.2' }] }), [
      'status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`',
    ])
  })

  it('keeps its class, its mirror annotation and well formed names', () => {
    assert.deepEqual(
      problemsOf(
        {},
        {},
        { qosClass: 'Guaranteed', conditions: [{ type: 'a b', status: 'True', observedGeneration: -1 }], nominatedNodeName: 'N' },
        { 'kubernetes.io/config.mirror': 'x' },
      ).map((line) => line.replace(/: a (lowercase RFC|qualified|valid).*|: name part.*/, '')),
      [
        'metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation',
        'status.nominatedNodeName: Invalid value: "N"',
        'status.qosClass: Invalid value: "Guaranteed": field is immutable',
        'status.conditions[0].observedGeneration: Invalid value: -1: must be a non-negative integer',
        'status.conditions[0].Type: Invalid value: "a b"',
      ],
    )
  })

  it('names no node to make room on once the pod has one', () => {
    assert.deepEqual(problemsOf({ nodeName: 'n' }, {}, { nominatedNodeName: 'm' }), [
      'status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node',
    ])
  })

  it('lists each claim once and only those of the spec', () => {
    const spec = { resourceClaims: [{ name: 'a', resourceClaimName: 'x' }] }
    assert.deepEqual(problemsOf(spec, {}, { resourceClaimStatuses: [{ name: 'a' }, { name: 'a' }, { name: 'b' }] }), [
      'status.resourceClaimStatuses[1].name: Duplicate value: "a"',
      'status.resourceClaimStatuses[2].name: Invalid value: "b": must match the name of an entry in `spec.resourceClaims`',
    ])
  })
})
