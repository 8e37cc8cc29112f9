import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod } from '../../api/types/core-v1.ts'
import type { Draft } from '../../meta/object.ts'
import { selectorOf } from '../../meta/selector.ts'
import { stage, testNode, testPod } from '../testing.ts'
import { balancedAllocation } from './balanced-allocation.ts'
import { imageLocality } from './image-locality.ts'
import { interPodAffinity } from './inter-pod-affinity.ts'
import { nodeAffinity } from './node-affinity.ts'
import { nodePorts } from './node-ports.ts'
import { nodeResourcesFit } from './node-resources-fit.ts'
import { nodeUnschedulable } from './node-unschedulable.ts'
import { podTopologySpread } from './pod-topology-spread.ts'
import { resourceClaims } from './resource-claims.ts'
import { taintToleration } from './taint-toleration.ts'

const web = { app: 'web' }
const selector = { matchLabels: web }
const zoned = (name: string, zone: string): ReturnType<typeof testNode> => testNode(name, { labels: { zone } })

describe('NodeUnschedulable', () => {
  const nodes = [testNode('a', { spec: { unschedulable: true } })]
  it('keeps pods off cordoned nodes', () => {
    assert.equal(
      stage({ plugins: [nodeUnschedulable], nodes }).place(testPod('p')),
      '0/1 nodes are available: 1 node(s) were unschedulable.',
    )
  })
  it('lets pods that tolerate it through, as those of DaemonSets do', () => {
    const tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }] as const
    assert.equal(stage({ plugins: [nodeUnschedulable], nodes }).place(testPod('p', { spec: { tolerations } })), 'a')
  })
})

describe('DynamicResources', () => {
  it('lets pods with claims wait, since nobody hands out their devices', () => {
    const { place } = stage({ plugins: [resourceClaims], nodes: [testNode('a')] })
    assert.equal(
      place(testPod('p', { spec: { resourceClaims: [{ name: 'd' }] } })),
      '0/1 nodes are available: 1 cannot allocate all claims.',
    )
    assert.equal(place(testPod('q')), 'a')
  })
})

describe('TaintToleration', () => {
  const nodes = [testNode('a', { spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } })]
  const cases = [
    { tolerations: [], want: '0/1 nodes are available: 1 node(s) had untolerated taint(s).' },
    { tolerations: [{ key: 'gpu', value: 'yes' }], want: 'a' },
    { tolerations: [{ key: 'gpu', value: 'no' }], want: '0/1 nodes are available: 1 node(s) had untolerated taint(s).' },
    {
      tolerations: [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }],
      want: '0/1 nodes are available: 1 node(s) had untolerated taint(s).',
    },
    { tolerations: [{ operator: 'Exists' }], want: 'a' },
  ] as const
  for (const { tolerations, want } of cases)
    it(`${JSON.stringify(tolerations)}: ${want}`, () => {
      assert.equal(stage({ plugins: [taintToleration], nodes }).place(testPod('p', { spec: { tolerations } })), want)
    })
  it('prefers nodes without PreferNoSchedule taints', () => {
    const soft = testNode('a', { spec: { taints: [{ key: 'slow', effect: 'PreferNoSchedule' }] } })
    const { place } = stage({ plugins: [taintToleration], nodes: [soft, testNode('b')] })
    assert.equal(place(testPod('p')), 'b')
    assert.equal(place(testPod('p', { spec: { tolerations: [{ key: 'slow', operator: 'Exists' }] } })), 'a')
  })
})

describe('NodeAffinity', () => {
  const nodes = [testNode('a', { labels: { disk: 'hdd', size: '5' } }), testNode('b', { labels: { disk: 'ssd', size: '10' } })]
  const none = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
  const required = (...matchExpressions: readonly object[]): Draft<Pod['spec']> => ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } } },
  })
  const cases: readonly [string, Draft<Pod['spec']>, string][] = [
    ['nodeSelector', { nodeSelector: { disk: 'ssd' } }, 'b'],
    ['nodeSelector that no node has', { nodeSelector: { disk: 'tape' } }, none],
    ['In', required({ key: 'disk', operator: 'In', values: ['ssd', 'nvme'] }), 'b'],
    ['NotIn', required({ key: 'disk', operator: 'NotIn', values: ['hdd'] }), 'b'],
    ['Gt', required({ key: 'size', operator: 'Gt', values: ['5'] }), 'b'],
    ['Lt', required({ key: 'size', operator: 'Lt', values: ['6'] }), 'a'],
    ['DoesNotExist', required({ key: 'disk', operator: 'DoesNotExist' }), none],
    ['an empty term', required(), none],
  ]
  for (const [name, spec, want] of cases)
    it(name, () => {
      assert.equal(stage({ plugins: [nodeAffinity], nodes }).place(testPod('p', { spec })), want)
    })
  it('honours matchFields, as DaemonSets use them', () => {
    const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }] as const
    const spec = { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } }
    assert.equal(stage({ plugins: [nodeAffinity], nodes }).place(testPod('p', { spec })), 'b')
  })
  it('weighs preferences', () => {
    const preference = (value: string, weight: number): object => ({
      weight,
      preference: { matchExpressions: [{ key: 'disk', operator: 'In', values: [value] }] },
    })
    const spec = {
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preference('hdd', 1), preference('ssd', 5)] } },
    } as Draft<Pod['spec']>
    assert.equal(stage({ plugins: [nodeAffinity], nodes }).place(testPod('p', { spec })), 'b')
  })
})

describe('NodePorts', () => {
  const withPort = (name: string, ports: readonly object[], node?: string): Pod =>
    testPod(name, {
      ...(node !== undefined && { node }),
      spec: { containers: [{ name: 'c', resources: {}, ports }], ...(node !== undefined && { nodeName: node }) },
    })
  const cases = [
    { held: { hostPort: 80 }, wanted: { hostPort: 80 }, fits: false },
    { held: { hostPort: 80 }, wanted: { hostPort: 81 }, fits: true },
    { held: { hostPort: 80, protocol: 'UDP' }, wanted: { hostPort: 80 }, fits: true },
    { held: { hostPort: 80, hostIP: '10.0.0.1' }, wanted: { hostPort: 80, hostIP: '10.0.0.2' }, fits: true },
    { held: { hostPort: 80, hostIP: '10.0.0.1' }, wanted: { hostPort: 80 }, fits: false },
    { held: { containerPort: 80 }, wanted: { hostPort: 80 }, fits: true },
  ]
  for (const { held, wanted, fits } of cases)
    it(`${JSON.stringify(wanted)} beside ${JSON.stringify(held)}: ${fits}`, () => {
      const { place } = stage({ plugins: [nodePorts], nodes: [testNode('a')], pods: [withPort('held', [held], 'a')] })
      assert.equal(
        place(withPort('p', [wanted])),
        fits ? 'a' : "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
      )
    })
})

describe('NodeResourcesFit', () => {
  it('names every resource that lacks', () => {
    const { place, find } = stage({ plugins: [nodeResourcesFit], nodes: [testNode('a')], pods: [testPod('x', { cpu: '3', node: 'a' })] })
    assert.equal(place(testPod('p', { cpu: '2', memory: '9Gi' })), '0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.')
    assert.equal(place(testPod('p', { cpu: '1' })), 'a')
    const result = find(testPod('p', { cpu: '2' }))
    assert.equal(result.kind === 'unschedulable' && result.diagnosis.nodes.get('a')?.isFinal, false)
  })
  it('counts pods and extended resources', () => {
    const full = testNode('a', { status: { allocatable: { pods: '1', 'example.com/gpu': '2' } } })
    const requests = { 'example.com/gpu': '3' }
    const gpu = testPod('p', { spec: { containers: [{ name: 'c', resources: { requests } }] } })
    assert.equal(
      stage({ plugins: [nodeResourcesFit], nodes: [full] }).place(gpu),
      '0/1 nodes are available: 1 Insufficient example.com/gpu.',
    )
    assert.equal(
      stage({ plugins: [nodeResourcesFit], nodes: [full], pods: [testPod('x', { node: 'a' })] }).place(testPod('p')),
      '0/1 nodes are available: 1 Too many pods.',
    )
  })
  it('prefers the emptier node, and counts pods without requests as something', () => {
    const nodes = [testNode('a'), testNode('b')]
    assert.equal(stage({ plugins: [nodeResourcesFit], nodes, pods: [testPod('x', { cpu: '1', node: 'a' })] }).place(testPod('p')), 'b')
    assert.equal(stage({ plugins: [nodeResourcesFit], nodes, pods: [testPod('x', { node: 'a' })] }).place(testPod('p')), 'b')
  })
  it('forgets pods that ended', () => {
    const done = testPod('x', { cpu: '4', node: 'a', status: { phase: 'Succeeded' } })
    assert.equal(stage({ plugins: [nodeResourcesFit], nodes: [testNode('a')], pods: [done] }).place(testPod('p', { cpu: '4' })), 'a')
  })
})

describe('NodeResourcesBalancedAllocation', () => {
  it('prefers the node on which cpu and memory are used alike', () => {
    const pods = [testPod('x', { cpu: '2', node: 'a' }), testPod('y', { memory: '4Gi', node: 'b' })]
    const { place } = stage({ plugins: [balancedAllocation], nodes: [testNode('a'), testNode('b')], pods })
    assert.equal(place(testPod('p', { cpu: '2', memory: '100Mi' })), 'b')
  })
})

describe('ImageLocality', () => {
  it('prefers nodes that hold a large image', () => {
    const images = [{ names: ['app:1', 'app@sha256:1'], sizeBytes: 900 * 1024 * 1024 }]
    const { place } = stage({ plugins: [imageLocality], nodes: [testNode('a'), testNode('b', { status: { images } })] })
    assert.equal(place(testPod('p')), 'b')
  })
})

describe('InterPodAffinity', () => {
  const plugins = [interPodAffinity((namespace) => ({ team: namespace }))]
  const nodes = [zoned('a', 'z1'), zoned('b', 'z2')]
  const namespaceLabels = (namespace: string): Record<string, string> => ({ team: namespace })
  const term = (over: object = {}): object => ({ labelSelector: selector, topologyKey: 'zone', ...over })
  const affinity = (...terms: readonly object[]): Draft<Pod['spec']> => ({
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
  })
  const anti = (...terms: readonly object[]): Draft<Pod['spec']> => ({
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
  })
  const place = (pod: Pod, ...pods: readonly Pod[]): string => stage({ plugins, nodes, pods, namespaceLabels }).place(pod)

  it('puts a pod near the pods it wants', () => {
    assert.equal(place(testPod('p', { spec: affinity(term()) }), testPod('x', { labels: web, node: 'b' })), 'b')
    assert.equal(place(testPod('p', { spec: affinity(term()) })), "0/2 nodes are available: 2 node(s) didn't match pod affinity rules.")
  })
  it('lets the first pod of a group go anywhere', () => {
    assert.equal(place(testPod('p', { labels: web, spec: affinity(term()) })), 'a')
  })
  it('keeps a pod apart from the pods it shuns', () => {
    assert.equal(place(testPod('p', { spec: anti(term()) }), testPod('x', { labels: web, node: 'a' })), 'b')
    const both = [testPod('x', { labels: web, node: 'a' }), testPod('y', { labels: web, node: 'b' })]
    assert.equal(
      place(testPod('p', { spec: anti(term()) }), ...both),
      "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
    )
  })
  it('respects the anti-affinity of pods that run already', () => {
    const jealous = testPod('x', { spec: { ...anti(term()), nodeName: 'a' } })
    assert.equal(place(testPod('p', { labels: web }), jealous), 'b')
    const other = testPod('y', { spec: { ...anti(term()), nodeName: 'b' } })
    assert.equal(
      place(testPod('p', { labels: web }), jealous, other),
      "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules.",
    )
  })
  it('looks into other namespaces when told so', () => {
    const elsewhere = testPod('x', { labels: web, node: 'b', namespace: 'other' })
    assert.match(place(testPod('p', { spec: affinity(term()) }), elsewhere), /^0\/2/)
    assert.equal(place(testPod('p', { spec: affinity(term({ namespaces: ['other'] })) }), elsewhere), 'b')
    assert.equal(place(testPod('p', { spec: affinity(term({ namespaceSelector: { matchLabels: { team: 'other' } } })) }), elsewhere), 'b')
    assert.equal(place(testPod('p', { spec: affinity(term({ namespaceSelector: {} })) }), elsewhere), 'b')
  })
  it('narrows by matchLabelKeys', () => {
    const labels = { ...web, version: '2' }
    const spec = anti(term({ matchLabelKeys: ['version'] }))
    const old = testPod('x', { labels: { ...web, version: '1' }, node: 'a' })
    assert.equal(place(testPod('p', { labels, spec }), old, testPod('y', { labels, node: 'b' })), 'a')
  })
  it('weighs preferences of the pod and of those that run', () => {
    const preferred = {
      affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, podAffinityTerm: term() }] } },
    } as Draft<Pod['spec']>
    assert.equal(place(testPod('p', { spec: preferred }), testPod('x', { labels: web, node: 'a' })), 'b')
    const fond = testPod('x', { spec: { ...affinity(term()), nodeName: 'b' } })
    assert.equal(place(testPod('p', { labels: web }), fond), 'b')
  })
})

describe('PodTopologySpread', () => {
  const nodes = [zoned('a', 'z1'), zoned('b', 'z2'), zoned('c', 'z2')]
  const spread = (over: object = {}): Draft<Pod['spec']> => ({
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: selector, ...over }],
  })
  const plugins = [podTopologySpread(() => undefined)]
  const place = (pod: Pod, ...pods: readonly Pod[]): string => stage({ plugins, nodes, pods }).place(pod)
  const running = (name: string, node: string): Pod => testPod(name, { labels: web, node })

  it('keeps the skew', () => {
    assert.equal(place(testPod('p', { labels: web, spec: spread() }), running('x', 'b')), 'a')
    assert.equal(place(testPod('p', { labels: web, spec: spread() }), running('x', 'a')), 'b')
  })
  it('says so when it cannot', () => {
    const only = { nodeSelector: { zone: 'z2' } }
    const spec = { ...spread({ nodeAffinityPolicy: 'Ignore' }), ...only }
    const { place: placeWith } = stage({ plugins: [nodeAffinity, ...plugins], nodes, pods: [running('x', 'b')] })
    assert.equal(
      placeWith(testPod('p', { labels: web, spec })),
      "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 2 node(s) didn't match pod topology spread constraints.",
    )
  })
  it('leaves out nodes that the pod cannot use, unless told otherwise', () => {
    const spec = { ...spread(), nodeSelector: { zone: 'z2' } }
    const { place: placeWith } = stage({ plugins: [nodeAffinity, ...plugins], nodes, pods: [running('x', 'b')] })
    assert.equal(placeWith(testPod('p', { labels: web, spec })), 'b')
  })
  it('rejects nodes without the label', () => {
    const { place: placeOn } = stage({ plugins, nodes: [testNode('x')] })
    assert.equal(
      placeOn(testPod('p', { labels: web, spec: spread() })),
      "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label).",
    )
  })
  it('takes too few domains for an empty one', () => {
    const spec = spread({ minDomains: 3 })
    assert.match(place(testPod('p', { labels: web, spec }), running('x', 'a'), running('y', 'b')), /^0\/3/)
  })
  it('prefers the emptier domain softly', () => {
    const spec = spread({ whenUnsatisfiable: 'ScheduleAnyway' })
    assert.equal(place(testPod('p', { labels: web, spec }), running('x', 'a'), running('y', 'a')), 'b')
  })
  it('spreads the pods of a service by default', () => {
    const byDefault = [podTopologySpread(() => selectorOf(selector))]
    const { place: placeWith } = stage({ plugins: byDefault, nodes: [testNode('a'), testNode('b')], pods: [running('x', 'a')] })
    assert.equal(placeWith(testPod('p', { labels: web })), 'b')
  })
})
