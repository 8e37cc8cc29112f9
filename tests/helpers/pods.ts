import { embeddedImage } from '../../addons/image/entry-points.ts'
import type { Container, Pod, PodList, PodSpec } from '../../core/api/types/core-v1.ts'
import { productVersion } from '../../core/cli/version.ts'
import type { Draft } from '../../core/meta/object.ts'
import { type Cluster, until } from './cluster.ts'

/** The image on every node, with busybox and Node. */
export const nodeImage = (): string => embeddedImage('busybox', productVersion())

/** A container that runs a line of shell. */
export const shell = (script: string, more: Draft<Container> = {}): Draft<Container> => ({
  name: 'main',
  image: nodeImage(),
  command: ['sh', '-c', script],
  ...more,
})

/** A container that runs a program of Node. */
export const program = (text: string, more: Draft<Container> = {}): Draft<Container> => ({
  ...shell('', more),
  command: ['node', '-e', text],
})

export interface PodPlan extends Draft<PodSpec> {
  readonly labels?: Readonly<Record<string, string>>
}

/** A pod that runs once and is ended quickly. */
export function podOf(name: string, containers: readonly Draft<Container>[], { labels, ...spec }: PodPlan = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...(labels && { labels }) },
    spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers, ...spec },
  }
}

/** Creates all with one command. */
export async function createAll(cluster: Cluster, objects: readonly object[]): Promise<void> {
  await until('the service account', () => cluster.kubectl('get serviceaccount default'))
  await cluster.kubectl('create -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) })
}

/** Looks at a pod until it is as wanted; the failure tells what it was last. */
export function podWhen(cluster: Cluster, name: string, wanted: (pod: Pod) => boolean, limitMs = 60_000): Promise<Pod> {
  return until(
    `pod ${name}`,
    async () => {
      const { items } = JSON.parse(await cluster.kubectl(`get pods --field-selector metadata.name=${name} -o json`)) as PodList
      const [pod] = items
      if (pod === undefined) throw new Error('it does not exist')
      if (!wanted(pod)) throw new Error(JSON.stringify(pod.status))
      return pod
    },
    limitMs,
  )
}

export const podEnded = (cluster: Cluster, name: string): Promise<Pod> =>
  podWhen(cluster, name, ({ status }) => status.phase === 'Succeeded' || status.phase === 'Failed')

export const podReady = (cluster: Cluster, name: string): Promise<Pod> =>
  podWhen(cluster, name, ({ status }) => status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true)

/** What a pod printed before it ended. */
export async function outputOf(cluster: Cluster, name: string, container = 'main'): Promise<string> {
  await podEnded(cluster, name)
  return cluster.kubectl(`logs ${name} -c ${container}`)
}
