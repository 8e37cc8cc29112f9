import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PodDirectory } from './kubelet-api.ts'
import { runningPods } from './running-pods.ts'

it('pods that run are told with their running containers alone', () => {
  const pod = (name: string): object => ({
    metadata: { name, namespace: 'default', uid: `uid-${name}`, labels: { app: name } },
    spec: { initContainers: [{ name: 'init', image: 'i' }], containers: [{ name: 'c', image: 'x' }] },
  })
  const directory = {
    pods: () => [pod('on'), pod('off')],
    container: ({ metadata }: { metadata: { name: string } }, name: string) => ({
      id: '1',
      running: metadata.name === 'on' && name === 'c',
    }),
  } as unknown as PodDirectory
  assert.deepEqual(runningPods(directory), [
    {
      metadata: { name: 'on', namespace: 'default', uid: 'uid-on' },
      spec: { containers: [{ name: 'c', image: 'x', resources: {} }] },
      status: {},
    },
  ])
})
