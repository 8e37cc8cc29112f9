import { pods } from '../../core/api/kinds.ts'
import type { Pod, PodStatus } from '../../core/api/types/core-v1.ts'
import { toTimestamp } from '../../core/runtime/clock.ts'
import type { Bench } from './controller-bench.ts'

/** Runs pods by decree: binds them to a node and writes the status a kubelet would. */
export class FakeKubelet {
  readonly #bench: Bench

  constructor(bench: Bench) {
    this.#bench = bench
  }

  /** Makes all pods that have not begun ready, or those that `which` picks; then lets the controllers see it. */
  async ready(which: (pod: Pod) => boolean = () => true): Promise<void> {
    const since = toTimestamp(this.#bench.clock.now())
    for (const pod of this.#bench.cluster.all(pods)) {
      if (pod.status.phase !== 'Running' && pod.status.phase !== 'Succeeded' && which(pod)) this.set(pod, runningStatus(since))
    }
    await this.#bench.settle()
  }

  set(pod: Pod, status: PodStatus): void {
    this.#bench.cluster.change(pods, pod.metadata, (object) => ({
      ...object,
      spec: { ...object.spec, nodeName: object.spec.nodeName ?? 'node-1' },
      status,
    }))
  }
}

export function runningStatus(since: string): PodStatus {
  return {
    phase: 'Running',
    startTime: since,
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: since }],
  } as unknown as PodStatus
}
