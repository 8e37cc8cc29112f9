import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../../tests/helpers/fake-clock.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import type { ContainerStats } from '../cri/types.ts'
import { createStats } from './stats.ts'

const pod = (name: string): Pod =>
  ({ metadata: { name, namespace: 'd', uid: name }, spec: { containers: [] }, status: {} }) as unknown as Pod
const container = (uid: string, more: Partial<ContainerStats> = {}): ContainerStats => ({
  id: `of-${uid}`,
  name: 'c',
  labels: { 'io.kubernetes.pod.uid': uid, 'io.kubernetes.container.name': 'c' },
  writableLayer: { timestampMs: 1, usedBytes: 10, inodesUsed: 1 },
  ...more,
})
const stats = createStats({
  runtime: {
    listContainerStats: () =>
      Promise.resolve([container('runs', { cpu: { timestampMs: 1, usageCoreNanoSeconds: 5 } }), container('ended')]),
    listSandboxStats: () => Promise.resolve([]),
  },
  images: { imageFilesystems: () => Promise.resolve([]) },
  pods: () => [pod('runs'), pod('ended')],
  nodeName: 'n',
  storageRoot: '/',
  cgroupOf: ({ metadata }) => `/kubepods/pod${metadata.uid}`,
  limitsOf: () => ({}),
  clock: new FakeClock(0),
})

describe('figures of a node', () => {
  const { signal } = new AbortController()
  it('are about what runs', async () => {
    const { pods } = (await stats.summary(signal)) as { readonly pods: readonly { readonly podRef: { readonly name: string } }[] }
    assert.deepEqual(
      pods.map(({ podRef }) => podRef.name),
      ['runs'],
    )
    for (const text of [await stats.resourceMetrics(signal), await stats.containerMetrics(signal)]) {
      assert.match(text, /pod="runs"/)
      assert.doesNotMatch(text, /pod="ended"/)
    }
  })
})
