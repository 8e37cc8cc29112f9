import { lastingContainers } from '../../core/api/rules/pod-containers.ts'
import type { Pod } from '../../core/api/types/core-v1.ts'
import { findCondition } from '../../core/meta/conditions.ts'
import { parseQuantity } from '../../core/meta/quantity.ts'

/**
 * How many replicas a measurement asks for. Pure. Source: Kubernetes documentation, "Horizontal Pod Autoscaling",
 * algorithm details.
 */

/** One pod's measurement, in units of 10^-9. */
export interface Sample {
  readonly value: bigint
  readonly timestampMs: number
  readonly windowMs: number
}

export type Samples = ReadonlyMap<string, Sample>

export interface Tolerance {
  readonly up: number
  readonly down: number
}

export interface Proposal {
  readonly replicas: number
  /** Percent of the requests; for utilization targets alone. */
  readonly utilization?: number
  /** Average per pod in units of 10^-9. */
  readonly average: bigint
}

export interface Question {
  readonly current: number
  readonly pods: readonly Pod[]
  readonly samples: Samples
  readonly nowMs: number
  readonly tolerance: Tolerance
}

/** After its start a pod's processor use says little. */
const CPU_INITIALIZATION_MS = 300_000
const INITIAL_READINESS_MS = 30_000

interface Groups {
  readonly ready: number
  readonly unready: ReadonlySet<string>
  readonly missing: ReadonlySet<string>
  readonly ignored: ReadonlySet<string>
}

/** Which pods count how: not at all, as not serving yet, as serving without a measurement, or as measured. */
export function groupPods({ pods, samples, nowMs }: Question, isCpu: boolean): Groups {
  const unready = new Set<string>()
  const missing = new Set<string>()
  const ignored = new Set<string>()
  let ready = 0
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata
    const sample = samples.get(name)
    if (deletionTimestamp !== undefined || pod.status.phase === 'Failed') ignored.add(name)
    else if (pod.status.phase === 'Pending') unready.add(name)
    else if (sample === undefined) missing.add(name)
    else if (isCpu && isStarting(pod, sample, nowMs)) unready.add(name)
    else ready += 1
  }
  return { ready, unready, missing, ignored }
}

function isStarting({ status }: Pod, { timestampMs, windowMs }: Sample, nowMs: number): boolean {
  const condition = findCondition(status.conditions, 'Ready')
  if (condition === undefined || status.startTime === undefined) return true
  const startMs = Date.parse(status.startTime)
  const changedMs = Date.parse(condition.lastTransitionTime ?? '')
  if (startMs + CPU_INITIALIZATION_MS > nowMs) return condition.status === 'False' || timestampMs < changedMs + windowMs
  return condition.status === 'False' && startMs + INITIAL_READINESS_MS > changedMs
}

/** Target: a share of what pods request. Throws an Error when a pod states no request. */
export function byUtilization(question: Question, resource: string, targetPercent: number, container?: string): Proposal {
  const requests = new Map(question.pods.map((pod) => [pod.metadata.name, requestOf(pod, resource, container)]))
  const requestFor = (name: string): bigint => requests.get(name) ?? 0n
  const ratioOf = (values: ReadonlyMap<string, bigint>): { readonly ratio: number; readonly percent: number } => {
    let used = 0n
    let requested = 0n
    for (const [name, value] of values) {
      used += value
      requested += requestFor(name)
    }
    if (requested === 0n) throw new Error('no metrics returned matched known pods')
    const percent = Number((used * 100n) / requested)
    return { ratio: percent / targetPercent, percent }
  }
  // A silent pod is taken to use all it asked for before pods are removed.
  const full = (name: string): bigint => (requestFor(name) * BigInt(Math.max(100, targetPercent))) / 100n
  const { replicas, measured } = propose(question, resource === 'cpu', { ratioOf: (values) => ratioOf(values).ratio, full })
  const { percent } = ratioOf(measured)
  return { replicas, utilization: percent, average: averageOf(measured) }
}

/** Target: an amount per pod. */
export function byAverage(question: Question, target: bigint, isCpu = false): Proposal {
  const ratioOf = (values: ReadonlyMap<string, bigint>): number => Number(averageOf(values)) / Number(target)
  const { replicas, measured } = propose(question, isCpu, { ratioOf, full: () => target })
  return { replicas, average: averageOf(measured) }
}

/** Target: one value for all pods together (an object or something outside of the cluster). */
export function byTotal(question: Question, value: bigint, target: bigint): Proposal {
  const ratio = Number(value) / Number(target)
  const { ready } = countReady(question.pods)
  if (isWithin(ratio, question.tolerance)) return { replicas: question.current, average: value }
  return { replicas: Math.ceil(ratio * ready), average: value }
}

/** Target: an amount per replica of one value for all. */
export function byShare(question: Question, value: bigint, target: bigint): Proposal {
  const share = question.current === 0 ? value : value / BigInt(question.current)
  const ratio = Number(value) / (Number(target) * question.current)
  const replicas = isWithin(ratio, question.tolerance) ? question.current : Number((value + target - 1n) / target)
  return { replicas, average: share }
}

interface Measure {
  ratioOf(values: ReadonlyMap<string, bigint>): number
  /** What a pod without measurement is assumed to use when pods might be removed. */
  full(name: string): bigint
}

function propose(
  question: Question,
  isCpu: boolean,
  measure: Measure,
): { readonly replicas: number; readonly measured: ReadonlyMap<string, bigint> } {
  const { current, samples, pods, tolerance } = question
  const { ready, unready, missing, ignored } = groupPods(question, isCpu)
  const known = new Set(pods.map(({ metadata }) => metadata.name))
  const measured = new Map<string, bigint>()
  for (const [name, { value }] of samples) if (known.has(name) && !unready.has(name) && !ignored.has(name)) measured.set(name, value)
  if (measured.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)')
  const ratio = measure.ratioOf(measured)
  const heldBack = unready.size > 0 && ratio > 1
  if (!heldBack && missing.size === 0) {
    return { replicas: isWithin(ratio, tolerance) ? current : Math.ceil(ratio * ready), measured }
  }
  // Unmeasured pods are assumed to speak against the change.
  const assumed = new Map(measured)
  for (const name of missing) if (ratio !== 1) assumed.set(name, ratio < 1 ? measure.full(name) : 0n)
  if (heldBack) for (const name of unready) assumed.set(name, 0n)
  const cautious = measure.ratioOf(assumed)
  if (isWithin(cautious, tolerance) || (ratio < 1 && cautious > 1) || (ratio > 1 && cautious < 1)) return { replicas: current, measured }
  const replicas = Math.ceil(cautious * assumed.size)
  const contrary = (cautious < 1 && replicas > current) || (cautious > 1 && replicas < current)
  return { replicas: contrary ? current : replicas, measured }
}

function isWithin(ratio: number, { up, down }: Tolerance): boolean {
  return ratio >= 1 - down && ratio <= 1 + up
}

function averageOf(values: ReadonlyMap<string, bigint>): bigint {
  let sum = 0n
  for (const value of values.values()) sum += value
  return values.size === 0 ? 0n : sum / BigInt(values.size)
}

function countReady(pods: readonly Pod[]): { readonly ready: number } {
  return { ready: pods.filter(({ status }) => findCondition(status.conditions, 'Ready')?.status === 'True').length }
}

function requestOf({ metadata, spec }: Pod, resource: string, container: string | undefined): bigint {
  const level = spec.resources?.requests?.[resource]
  if (container === undefined && level !== undefined) return parseQuantity(level).nano
  let sum = 0n
  for (const { name, resources } of lastingContainers(spec)) {
    if (container !== undefined && container !== name) continue
    const request = resources.requests?.[resource]
    if (request === undefined) throw new Error(`missing request for ${resource} in container ${name} of Pod ${metadata.name}`)
    sum += parseQuantity(request).nano
  }
  return sum
}
