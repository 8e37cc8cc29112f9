import type { Deployment, ReplicaSet } from '../../core/api/types/apps-v1.ts'
import type { Pod, PodTemplateSpec } from '../../core/api/types/core-v1.ts'
import type { Draft } from '../../core/meta/object.ts'

/** Objects for tests: each builder gives the least that makes sense and takes what matters. */

const LABELS = { app: 'web' }

export function podTemplate(image = 'web:1', labels: Readonly<Record<string, string>> = LABELS): Draft<PodTemplateSpec> {
  return { metadata: { labels }, spec: { containers: [{ name: 'web', image }] } }
}

export function replicaSet(spec: Draft<ReplicaSet['spec']> = {}, metadata: Draft<ReplicaSet['metadata']> = {}): Draft<ReplicaSet> {
  return {
    metadata: { namespace: 'default', name: 'web', labels: LABELS, ...metadata },
    spec: { replicas: 1, selector: { matchLabels: LABELS }, template: podTemplate(), ...spec },
    status: { replicas: 0 },
  }
}

export function deployment(spec: Draft<Deployment['spec']> = {}, metadata: Draft<Deployment['metadata']> = {}): Draft<Deployment> {
  return {
    metadata: { namespace: 'default', name: 'web', labels: LABELS, ...metadata },
    spec: {
      replicas: 1,
      selector: { matchLabels: LABELS },
      template: podTemplate(),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
    },
    status: {},
  }
}

export function pod(
  name: string,
  over: { readonly metadata?: Draft<Pod['metadata']>; readonly spec?: Draft<Pod['spec']>; readonly status?: Draft<Pod['status']> } = {},
): Draft<Pod> {
  return {
    metadata: { namespace: 'default', name, labels: LABELS, ...over.metadata },
    spec: { containers: [{ name: 'web', image: 'web:1' }], ...over.spec },
    status: { phase: 'Pending', ...over.status },
  }
}

/** The status of a pod that runs and is ready since `since`. */
export function readyStatus(since: string): Pod['status'] {
  return { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: since }] } as unknown as Pod['status']
}
