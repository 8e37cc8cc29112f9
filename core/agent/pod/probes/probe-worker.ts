import type { Container, Pod, Probe } from '../../../api/types/core-v1.ts'
import { isAborted } from '../../../runtime/abort.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { ContainerRecord } from '../pod-runtime.ts'
import type { ProbeOutcome } from './run-probe.ts'

export type ProbeKind = 'liveness' | 'readiness' | 'startup'

/** One probe of one container: what it watches and whom it tells. */
export interface ProbeSubject {
  readonly kind: ProbeKind
  readonly probe: Probe
  /** The container's newest record, and whether its startup probe (if any) has succeeded. */
  readonly look: () => { readonly record: ContainerRecord | undefined; readonly isStarted: boolean }
  readonly run: (record: ContainerRecord, signal: AbortSignal) => Promise<ProbeOutcome>
  /** A new verdict; `undefined` takes back the one of a container that is gone. */
  readonly tell: (containerId: string, verdict: boolean | undefined) => void
  /** An event about the container. */
  readonly report: (reason: 'Unhealthy' | 'ProbeWarning', message: string) => void
  /** Every try counts. */
  readonly count: (result: ProbeOutcome['result']) => void
  /** What was known of this very container before: an agent that restarts must not call a serving pod unready. */
  readonly known: (containerId: string) => boolean | undefined
}

const TITLES = { liveness: 'Liveness', readiness: 'Readiness', startup: 'Startup' } as const
const MAX_TRIES = 3

/** Runs one probe at its period until the signal aborts. Source: the kubelet's prober worker. */
export class ProbeWorker {
  readonly #subject: ProbeSubject
  readonly #clock: Clock
  #containerId = ''
  #lastResult: ProbeOutcome['result'] | undefined
  #run = 0
  /** After a failure that restarts the container: nothing more until the next one. */
  #isOnHold = false
  #wake: AbortController | undefined

  constructor(subject: ProbeSubject, clock: Clock) {
    this.#subject = subject
    this.#clock = clock
  }

  /** Looks again at once instead of at the next period. */
  trigger(): void {
    this.#wake?.abort(new Error('look again'))
  }

  async loop(signal: AbortSignal): Promise<void> {
    const periodMs = Math.max(1, this.#subject.probe.periodSeconds ?? 10) * 1000
    const stop = (): void => this.#wake?.abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    while (!isAborted(signal)) {
      const waitMs = await this.#tick(signal)
      if (isAborted(signal)) break
      this.#wake = new AbortController()
      await this.#clock.sleep(waitMs ?? periodMs, this.#wake.signal).catch(() => undefined)
    }
    signal.removeEventListener('abort', stop)
  }

  /** One look; answers when to look again if that is not the usual period. */
  async #tick(signal: AbortSignal): Promise<number | undefined> {
    const { kind, probe, look } = this.#subject
    const { record, isStarted } = look()
    if (record === undefined) return undefined
    if (record.id !== this.#containerId) this.#begin(record.id)
    if (record.phase !== 'running') {
      if (kind === 'readiness') this.#subject.tell(record.id, false)
      return undefined
    }
    if (this.#isOnHold || (kind === 'startup' && isStarted)) return undefined
    const delayMs = record.startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - this.#clock.now()
    if (delayMs > 0) return delayMs
    if (kind !== 'startup' && !isStarted) return undefined
    const outcome = await this.#attempt(record, signal)
    if (outcome !== undefined && !isAborted(signal)) this.#judge(record.id, outcome)
    return undefined
  }

  #begin(containerId: string): void {
    if (this.#containerId !== '') this.#subject.tell(this.#containerId, undefined)
    this.#containerId = containerId
    this.#isOnHold = false
    this.#run = 0
    this.#lastResult = undefined
    const initial = this.#subject.known(containerId) ?? (this.#subject.kind === 'readiness' ? false : undefined)
    if (initial !== undefined) this.#subject.tell(containerId, initial)
  }

  async #attempt(record: ContainerRecord, signal: AbortSignal): Promise<ProbeOutcome | undefined> {
    let outcome: ProbeOutcome | undefined
    for (let attempt = 0; attempt < MAX_TRIES && !isAborted(signal); attempt += 1) {
      outcome = await this.#subject.run(record, signal)
      if (!isAborted(signal)) this.#subject.count(outcome.result)
      if (outcome.result !== 'error') break
    }
    if (outcome === undefined || isAborted(signal)) return undefined
    const title = TITLES[this.#subject.kind]
    const { report } = this.#subject
    if (outcome.isWarning === true) report('ProbeWarning', `${title} probe warning: ${outcome.output}`)
    if (outcome.result === 'failure') report('Unhealthy', `${title} probe failed: ${outcome.output}`)
    if (outcome.result === 'error') report('Unhealthy', `${title} probe errored and resulted in unknown state: ${outcome.output}`)
    return outcome.result === 'error' ? undefined : outcome
  }

  #judge(containerId: string, { result }: ProbeOutcome): void {
    const { kind, probe, tell } = this.#subject
    this.#run = result === this.#lastResult ? this.#run + 1 : 1
    this.#lastResult = result
    const threshold = result === 'failure' ? (probe.failureThreshold ?? 3) : (probe.successThreshold ?? 1)
    if (this.#run < threshold) return
    tell(containerId, result === 'success')
    if (kind !== 'readiness' && result === 'failure') {
      this.#isOnHold = true
      this.#run = 0
    }
  }
}

/** The probes that a container has, by kind. */
export function probesOf(container: Container): readonly (readonly [ProbeKind, Probe])[] {
  const { livenessProbe, readinessProbe, startupProbe } = container
  return (
    [
      ['startup', startupProbe],
      ['liveness', livenessProbe],
      ['readiness', readinessProbe],
    ] as const
  ).flatMap(([kind, probe]) => (probe === undefined ? [] : [[kind, probe] as const]))
}

/** Containers that are probed: the regular ones and sidecars. */
export function probedContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'), ...pod.spec.containers]
}
