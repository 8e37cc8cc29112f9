import type { Node, Pod } from '../api/types/core-v1.ts'
import type { Draft } from '../meta/object.ts'
import type { NamespaceLabels } from './affinity-terms.ts'
import { SchedulerCache } from './cache.ts'
import type { CycleDeps, CycleResult } from './cycle.ts'
import { findNode } from './cycle.ts'
import { explain } from './diagnosis.ts'
import type { Plugin } from './framework.ts'
import { Nominator } from './nominator.ts'
import { podInfoOf } from './pod-info.ts'

/** Builders and a small cluster for the scheduler's unit tests. */

export function testNode(
  name: string,
  over: { labels?: Record<string, string>; spec?: Draft<Node['spec']>; status?: Draft<Node['status']> } = {},
): Node {
  const labels = { 'kubernetes.io/hostname': name, ...over.labels }
  const allocatable = { cpu: '4', memory: '8Gi', pods: '110', ...over.status?.allocatable }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', labels },
    spec: { ...over.spec },
    status: { ...over.status, allocatable },
  } as unknown as Node
}

export interface PodShape {
  readonly namespace?: string
  readonly labels?: Record<string, string>
  readonly cpu?: string
  readonly memory?: string
  readonly priority?: number
  readonly node?: string
  readonly spec?: Draft<Pod['spec']>
  readonly status?: Draft<Pod['status']>
  readonly metadata?: Draft<Pod['metadata']>
}

export function testPod(name: string, shape: PodShape = {}): Pod {
  const { namespace = 'default', labels, cpu, memory, priority, node } = shape
  const requests = { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid-${name}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels,
      ...shape.metadata,
    },
    spec: {
      containers: [{ name: 'main', image: 'app:1', resources: { requests } }],
      schedulerName: 'default-scheduler',
      priority,
      nodeName: node,
      ...shape.spec,
    },
    status: { ...shape.status },
  } as unknown as Pod
}

export interface Stage {
  readonly cache: SchedulerCache
  readonly nominator: Nominator
  readonly deps: CycleDeps
  /** Name of the node, or the text of the event. */
  readonly place: (pod: Pod) => string
  readonly find: (pod: Pod) => CycleResult
}

export interface StageOptions {
  readonly plugins: readonly Plugin[]
  readonly nodes: readonly Node[]
  readonly pods?: readonly Pod[]
  readonly namespaceLabels?: NamespaceLabels
}

/** A cluster at rest with the given plugins. */
export function stage({ plugins, nodes, pods = [], namespaceLabels = () => undefined }: StageOptions): Stage {
  const cache = new SchedulerCache(namespaceLabels)
  for (const node of nodes) cache.setNode(node)
  for (const pod of pods) cache.setPod(pod)
  const nominator = new Nominator()
  const deps: CycleDeps = { plugins, cluster: cache, nominator, random: () => 0 }
  const find = (pod: Pod): CycleResult => findNode(podInfoOf(pod), deps)
  const place = (pod: Pod): string => {
    const result = find(pod)
    return result.kind === 'node' ? result.node.name : explain(result.diagnosis)
  }
  return { cache, nominator, deps, find, place }
}
