import { horizontalPodAutoscalers } from '../../core/api/kinds.ts'
import type { Scale } from '../../core/api/types/autoscaling-v1.ts'
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
} from '../../core/api/types/autoscaling-v2.ts'
import type { Pod } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Discovery } from '../../core/client/discovery.ts'
import type { Lister } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import { setCondition } from '../../core/meta/conditions.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { type Draft, type KubeObject, keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { parseQuantity, toApproximate } from '../../core/meta/quantity.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { matchesLabels, parseLabelSelector } from '../../core/meta/selector.ts'
import { type Clock, toTimestamp } from '../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, watch } from '../runtime/controller.ts'
import { messageOf } from '../runtime/failure.ts'
import { type History, type Limited, NO_HISTORY, planScale, remember } from './behavior.ts'
import { evaluate, type Evaluation, type Inquiry, MetricError } from './evaluate.ts'
import { MetricsSource } from './metrics-source.ts'

/** Scales workloads by what they use. Source: Kubernetes documentation, "Horizontal Pod Autoscaling". */
export interface AutoscalerDeps {
  readonly client: Client
  readonly discovery: Discovery
  readonly autoscalers: Lister<HorizontalPodAutoscaler>
  readonly pods: Lister<Pod>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

const PERIOD_MS = 15_000
const DEFAULT_TOLERANCE = 0.1
/** What an autoscaler without metrics looks at. */
const DEFAULT_METRICS: readonly MetricSpec[] = [
  { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
]

export function horizontalPodAutoscaler(deps: AutoscalerDeps): Controller {
  const histories = new Map<ObjectKey, History>()
  const lastMs = new Map<ObjectKey, number>()
  return {
    name: 'horizontal-pod-autoscaler',
    concurrency: 5,
    watches: [watch(horizontalPodAutoscalers, (autoscaler) => [keyOf(autoscaler)])],
    reconcile: async (key, context) => {
      const autoscaler = deps.autoscalers.get(key)
      if (autoscaler === undefined) {
        histories.delete(key)
        lastMs.delete(key)
        return done
      }
      // Its own status writes bring the key back at once; only a changed spec is worth looking before the period is over.
      const leftMs = (lastMs.get(key) ?? 0) + PERIOD_MS - deps.clock.now()
      if (leftMs > 0 && autoscaler.status.observedGeneration === autoscaler.metadata.generation) return after(leftMs)
      lastMs.set(key, deps.clock.now())
      const history = await new Sync(deps, context).reconcile(autoscaler, histories.get(key) ?? NO_HISTORY)
      histories.set(key, history)
      return after(PERIOD_MS)
    },
  }
}

type Conditions = readonly HorizontalPodAutoscalerCondition[]
type ScaleType = ResourceType<KubeObject & Scale>

class Sync {
  readonly #deps: AutoscalerDeps
  readonly #signal: AbortSignal
  #conditions: Conditions = []

  constructor(deps: AutoscalerDeps, { signal }: ReconcileContext) {
    this.#deps = deps
    this.#signal = signal
  }

  async reconcile(autoscaler: HorizontalPodAutoscaler, history: History): Promise<History> {
    this.#conditions = autoscaler.status.conditions ?? []
    const target = await this.#target(autoscaler)
    if (target === undefined) {
      await this.#report(autoscaler, {})
      return history
    }
    const { scale } = target
    const current = scale.spec.replicas ?? 0
    if (current === 0 && (autoscaler.spec.minReplicas ?? 1) !== 0) {
      this.#set('ScalingActive', 'False', 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero')
      await this.#report(autoscaler, { currentReplicas: scale.status.replicas, desiredReplicas: 0 })
      return history
    }
    const evaluations = await this.#evaluate(autoscaler, scale, current)
    if (evaluations === undefined) {
      await this.#report(autoscaler, { currentReplicas: scale.status.replicas, desiredReplicas: autoscaler.status.desiredReplicas })
      return history
    }
    return this.#follow(autoscaler, { target, current, evaluations, history })
  }

  async #target({ metadata, spec }: HorizontalPodAutoscaler): Promise<Target | undefined> {
    const { kind, name, apiVersion = '' } = spec.scaleTargetRef
    try {
      const { resources } = await this.#deps.discovery.resources(this.#signal)
      const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : ''
      const found = resources.find(({ type }) => type.kind === kind && type.group === group)
      if (found === undefined) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`)
      const type = found.type as unknown as ScaleType
      const scale = await this.#deps.client.get(type, { namespace: metadata.namespace, name, subresource: 'scale' }, this.#signal)
      this.#set('AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale")
      return { type, scale }
    } catch (err) {
      this.#signal.throwIfAborted()
      this.#set(
        'AbleToScale',
        'False',
        'FailedGetScale',
        `the HPA controller was unable to get the target's current scale: ${messageOf(err)}`,
      )
      return undefined
    }
  }

  /** Undefined when no metric, or too few of them, can be had to decide on. */
  async #evaluate(autoscaler: HorizontalPodAutoscaler, scale: Scale, current: number): Promise<readonly Evaluation[] | undefined> {
    const { namespace = '' } = autoscaler.metadata
    const selector = scale.status.selector ?? ''
    if (selector === '') {
      this.#set('ScalingActive', 'False', 'InvalidSelector', "the HPA target's scale is missing a selector")
      return undefined
    }
    const parsed = parseLabelSelector(selector)
    const { behavior } = autoscaler.spec
    const inquiry: Inquiry = {
      autoscaler,
      question: {
        current,
        pods: this.#deps.pods.list(namespace).filter(({ metadata }) => matchesLabels(parsed, metadata.labels)),
        nowMs: this.#deps.clock.now(),
        tolerance: { up: toleranceOf(behavior?.scaleUp?.tolerance), down: toleranceOf(behavior?.scaleDown?.tolerance) },
      },
      query: { namespace, selector },
      source: new MetricsSource(this.#deps.client, this.#signal),
      discovery: this.#deps.discovery,
      signal: this.#signal,
    }
    const metrics = (autoscaler.spec.metrics ?? []).length === 0 ? DEFAULT_METRICS : (autoscaler.spec.metrics ?? [])
    const outcomes = await Promise.allSettled(metrics.map((metric) => evaluate(metric, inquiry)))
    this.#signal.throwIfAborted()
    const good = outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ value }) => value)
    const failure: unknown = outcomes.find((outcome) => outcome.status === 'rejected')?.reason
    // With a metric missing, the others may ask for more, but nobody knows whether fewer would do.
    const blind = failure !== undefined && !good.some(({ replicas }) => replicas > current)
    if (failure instanceof MetricError) {
      const message = `the HPA was unable to compute the replica count: ${failure.message}`
      if (blind) this.#set('ScalingActive', 'False', failure.reason, message)
      this.#deps.recorder.event(autoscaler, 'Warning', failure.reason, failure.message)
    }
    if (!blind) return good
    const invalid = `invalid metrics (${outcomes.length - good.length} invalid out of ${metrics.length}), first error is: ${messageOf(failure)}`
    this.#deps.recorder.event(autoscaler, 'Warning', 'FailedComputeMetricsReplicas', invalid)
    return undefined
  }

  async #follow(autoscaler: HorizontalPodAutoscaler, plan: Plan): Promise<History> {
    const { target, current, evaluations, history } = plan
    const top = evaluations.reduce((best, each) => (each.replicas > best.replicas ? each : best))
    this.#set('ScalingActive', 'True', 'ValidMetricFound', `the HPA was able to successfully calculate a replica count from ${top.name}`)
    const nowMs = this.#deps.clock.now()
    const limited = planScale(autoscaler, top.replicas, current, { history, nowMs })
    this.#explain(limited)
    const status = { currentReplicas: target.scale.status.replicas, currentMetrics: evaluations.map((each) => each.status) }
    if (limited.replicas === current) {
      await this.#report(autoscaler, { ...status, desiredReplicas: current })
      return remember(autoscaler, history, { wanted: top.replicas, change: 0, nowMs })
    }
    const reason = limited.replicas > current ? `${top.name} above target` : 'All metrics below target'
    try {
      const next: Draft<KubeObject & Scale> = { ...target.scale, spec: { replicas: limited.replicas } }
      await this.#deps.client.update(
        target.type,
        { ...next, kind: 'Scale', apiVersion: 'autoscaling/v1' },
        { signal: this.#signal, subresource: 'scale' },
      )
    } catch (err) {
      this.#signal.throwIfAborted()
      const message = `New size: ${limited.replicas}; reason: ${reason}; error: ${messageOf(err)}`
      this.#deps.recorder.event(autoscaler, 'Warning', 'FailedRescale', message)
      this.#set('AbleToScale', 'False', 'FailedUpdateScale', `the HPA controller was unable to update the target scale: ${messageOf(err)}`)
      await this.#report(autoscaler, { ...status, desiredReplicas: current })
      throw err
    }
    this.#set('AbleToScale', 'True', 'SucceededRescale', `the HPA controller was able to update the target scale to ${limited.replicas}`)
    this.#deps.recorder.event(autoscaler, 'Normal', 'SuccessfulRescale', `New size: ${limited.replicas}; reason: ${reason}`)
    await this.#report(autoscaler, { ...status, desiredReplicas: limited.replicas, lastScaleTime: toTimestamp(nowMs) })
    return remember(autoscaler, history, { wanted: top.replicas, change: limited.replicas - current, nowMs })
  }

  #explain({ stabilized, limit }: Limited): void {
    if (stabilized === 'down') {
      const message = 'recent recommendations were higher than current one, applying the highest recent recommendation'
      this.#set('AbleToScale', 'True', 'ScaleDownStabilized', message)
    } else if (stabilized === 'up') {
      const message = 'recent recommendations were lower than current one, applying the lowest recent recommendation'
      this.#set('AbleToScale', 'True', 'ScaleUpStabilized', message)
    } else this.#set('AbleToScale', 'True', 'ReadyForNewScale', 'recommended size matches current size')
    if (limit === undefined) this.#set('ScalingLimited', 'False', 'DesiredWithinRange', 'the desired count is within the acceptable range')
    else this.#set('ScalingLimited', 'True', limit.reason, limit.message)
  }

  #set(type: string, status: string, reason: string, message: string): void {
    this.#conditions = setCondition(this.#conditions, { type, status, reason, message }, toTimestamp(this.#deps.clock.now()))
  }

  async #report(autoscaler: HorizontalPodAutoscaler, change: Partial<HorizontalPodAutoscalerStatus>): Promise<void> {
    const { desiredReplicas, lastScaleTime, currentReplicas, currentMetrics } = autoscaler.status
    const status: HorizontalPodAutoscalerStatus = {
      observedGeneration: autoscaler.metadata.generation,
      ...(lastScaleTime !== undefined && { lastScaleTime }),
      ...(currentReplicas !== undefined && { currentReplicas }),
      desiredReplicas,
      currentMetrics,
      ...change,
      conditions: this.#conditions,
    }
    if (deepEqual(status, autoscaler.status)) return
    await this.#deps.client.updateStatus(horizontalPodAutoscalers, { ...autoscaler, status }, { signal: this.#signal })
  }
}

interface Target {
  readonly type: ScaleType
  readonly scale: KubeObject & Scale
}

interface Plan {
  readonly target: Target
  readonly current: number
  readonly evaluations: readonly Evaluation[]
  readonly history: History
}

function toleranceOf(text: string | undefined): number {
  return text === undefined ? DEFAULT_TOLERANCE : toApproximate(parseQuantity(text))
}
