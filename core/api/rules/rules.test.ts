import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NodeSelectorTerm, Pod, ResourceQuota, Service, Taint, Toleration } from '../types/core-v1.ts'
import { matchesNodeTerm, tolerates, untoleratedTaints } from './node-match.ts'
import { isInScope, scopeFactsOf } from './quota-scopes.ts'
import { usageOf } from './quota-usage.ts'

const PODS = { group: '', resource: 'pods' }
const pod = (spec: object, more: object = {}): Pod =>
  ({ metadata: { name: 'p' }, spec: { containers: [], ...spec }, status: {}, ...more }) as unknown as Pod
const container = (requests: Readonly<Record<string, string>>): object => ({ name: 'c', resources: { requests } })

describe('node matching', () => {
  const node = { metadata: { name: 'a', labels: { zone: 'x', size: '8' } }, spec: {} } as never
  const cases: readonly [NodeSelectorTerm, boolean][] = [
    [{}, false],
    [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['x', 'y'] }] }, true],
    [{ matchExpressions: [{ key: 'rack', operator: 'NotIn', values: ['x'] }] }, true],
    [{ matchExpressions: [{ key: 'size', operator: 'Gt', values: ['7'] }] }, true],
    [{ matchExpressions: [{ key: 'zone', operator: 'Lt', values: ['7'] }] }, false],
    [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }, false],
  ]
  for (const [term, want] of cases)
    it(`${JSON.stringify(term)}: ${want}`, () => {
      assert.equal(matchesNodeTerm(term, node), want)
    })

  it('knows which taints are left', () => {
    const taint: Taint = { key: 'k', value: '5', effect: 'NoExecute' }
    const matching: readonly Toleration[] = [{ operator: 'Exists' }, { key: 'k', value: '5' }, { key: 'k', operator: 'Lt', value: '9' }]
    for (const each of matching) assert.ok(tolerates(each, taint), JSON.stringify(each))
    assert.deepEqual(untoleratedTaints([taint], [{ key: 'k', value: '6' }], ['NoExecute']), [taint])
    assert.deepEqual(untoleratedTaints([taint], [], ['NoSchedule']), [])
  })
})

describe('quotas', () => {
  const quota = (scopeName: string): ResourceQuota =>
    ({ metadata: { name: 'q' }, spec: { scopes: [scopeName] }, status: {} }) as unknown as ResourceQuota
  const holds = (scopeName: string, subject: Pod): boolean => isInScope(quota(scopeName), scopeFactsOf(PODS, subject))

  it('tells pods apart by their scopes', () => {
    assert.ok(holds('BestEffort', pod({ containers: [container({ cpu: '0' })] })))
    assert.ok(holds('NotBestEffort', pod({ containers: [container({ cpu: '1m' })] })))
    assert.ok(
      holds('NotBestEffort', pod({ containers: [container({})], resources: { requests: { memory: '1Mi' } } })),
      'asked for as a whole',
    )
    assert.ok(holds('Terminating', pod({ activeDeadlineSeconds: 0 })))
    assert.ok(holds('NotTerminating', pod({})))
  })

  it('charges a pod for its largest moment, until it is over', () => {
    const spec = { containers: [container({ cpu: '100m' })], initContainers: [container({ cpu: '1' })], overhead: { cpu: '50m' } }
    const charged = (subject: Pod): string | undefined => usageOf(PODS, subject, 0).get('requests.cpu')?.nano.toString()
    assert.equal(charged(pod(spec)), '1050000000')
    assert.equal(charged(pod(spec, { status: { phase: 'Succeeded' } })), undefined)
    assert.equal(
      usageOf(PODS, pod(spec, { status: { phase: 'Failed' } }), 0).get('count/pods')?.nano,
      1_000_000_000n,
      'the object itself counts',
    )
  })

  it('charges a load balancer for the node ports it really takes', () => {
    const service = (spec: object): Service =>
      ({
        metadata: { name: 's' },
        spec: { type: 'LoadBalancer', ports: [{ port: 1 }, { port: 2, nodePort: 30000 }], ...spec },
      }) as unknown as Service
    const ports = (subject: Service): bigint | undefined =>
      usageOf({ group: '', resource: 'services' }, subject, 0).get('services.nodeports')?.nano
    assert.equal(ports(service({})), 2_000_000_000n)
    assert.equal(ports(service({ allocateLoadBalancerNodePorts: false })), 1_000_000_000n)
  })
})
