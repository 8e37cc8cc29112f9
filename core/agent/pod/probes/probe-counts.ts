import type { Pod } from '../../../api/types/core-v1.ts'
import { labelText, metricText } from '../../stats/prometheus.ts'
import type { ProbeKind } from './probe-worker.ts'
import type { ProbeOutcome } from './run-probe.ts'

interface Tried {
  readonly uid: string
  readonly container: string
  readonly kind: ProbeKind
  readonly result: ProbeOutcome['result']
}

const TYPES: Readonly<Record<ProbeKind, string>> = { liveness: 'Liveness', readiness: 'Readiness', startup: 'Startup' }
const RESULTS: Readonly<Record<ProbeOutcome['result'], string>> = { success: 'successful', failure: 'failed', error: 'unknown' }

/** How probes went, for the kubelet's /metrics/probes. */
export class ProbeCounts {
  readonly #pods = new Map<string, Map<string, { readonly of: Tried; count: number }>>()

  add(of: Tried): void {
    const counts = this.#pods.get(of.uid) ?? new Map<string, { readonly of: Tried; count: number }>()
    this.#pods.set(of.uid, counts)
    const key = `${of.container} ${of.kind} ${of.result}`
    const entry = counts.get(key) ?? { of, count: 0 }
    entry.count += 1
    counts.set(key, entry)
  }

  forget(uid: string): void {
    this.#pods.delete(uid)
  }

  text(podOf: (uid: string) => Pod | undefined): string {
    const samples = [...this.#pods].flatMap(([uid, counts]) => {
      const { name = '', namespace = '' } = podOf(uid)?.metadata ?? {}
      return [...counts.values()].map(({ of: { container, kind, result }, count }) => ({
        labels: labelText({ container, namespace, pod: name, pod_uid: uid, probe_type: TYPES[kind], result: RESULTS[result] }),
        value: count,
      }))
    })
    const help = 'Cumulative number of a liveness, readiness or startup probe for a container by result.'
    return metricText({ name: 'prober_probe_total', type: 'counter', help, samples })
  }
}
