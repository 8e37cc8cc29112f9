import { createHash } from 'node:crypto'
import type { Container, Pod } from '../../api/types/core-v1.ts'

/** Labels and annotations under which the kubelet knows its containers again. Source: Kubernetes kubelet, container labels. */
const LABEL = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  container: 'io.kubernetes.container.name',
} as const
const ANNOTATION = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  gracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
  ports: 'io.kubernetes.container.ports',
} as const

export const podUidSelector = (uid: string): Readonly<Record<string, string>> => ({ [LABEL.podUid]: uid })

export function sandboxLabels(pod: Pod): Readonly<Record<string, string>> {
  return { ...pod.metadata.labels, ...podLabels(pod) }
}

export function containerLabels(pod: Pod, container: Pick<Container, 'name'>): Readonly<Record<string, string>> {
  return { ...podLabels(pod), [LABEL.container]: container.name }
}

export function containerAnnotations(pod: Pod, container: Container, restartCount: number): Readonly<Record<string, string>> {
  return {
    [ANNOTATION.hash]: containerHash(container),
    [ANNOTATION.restartCount]: String(restartCount),
    [ANNOTATION.terminationMessagePath]: container.terminationMessagePath ?? '',
    [ANNOTATION.terminationMessagePolicy]: container.terminationMessagePolicy ?? 'File',
    [ANNOTATION.gracePeriod]: String(pod.spec.terminationGracePeriodSeconds ?? 30),
    ...((container.ports ?? []).length > 0 && { [ANNOTATION.ports]: JSON.stringify(container.ports) }),
  }
}

/** Changes exactly when a running container must be replaced: other changes of a pod are either forbidden or applied in place. */
export function containerHash(container: Pick<Container, 'name' | 'image'>): string {
  return createHash('sha256')
    .update(`${container.name}\n${container.image ?? ''}`)
    .digest('hex')
    .slice(0, 8)
}

type Strings = Readonly<Record<string, string>>

export interface ContainerFacts {
  readonly name: string
  readonly hash: string
  readonly restartCount: number
  readonly terminationMessagePath: string
  readonly terminationMessagePolicy: string
  readonly graceSeconds: number
}

/** What a restarted agent learns of a container from what it wrote on it. */
export function readContainerFacts(labels: Strings, annotations: Strings): ContainerFacts {
  return {
    name: labels[LABEL.container] ?? '',
    hash: annotations[ANNOTATION.hash] ?? '',
    restartCount: Number(annotations[ANNOTATION.restartCount] ?? 0),
    terminationMessagePath: annotations[ANNOTATION.terminationMessagePath] ?? '',
    terminationMessagePolicy: annotations[ANNOTATION.terminationMessagePolicy] ?? 'File',
    graceSeconds: Number(annotations[ANNOTATION.gracePeriod] ?? 30),
  }
}

export const podUidOf = (labels: Strings): string | undefined => labels[LABEL.podUid]

function podLabels(pod: Pod): Strings {
  const { name, namespace, uid } = pod.metadata
  return { [LABEL.podName]: name, [LABEL.podNamespace]: namespace ?? 'default', [LABEL.podUid]: uid }
}
