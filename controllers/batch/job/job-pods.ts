import { jobs } from '../../../core/api/kinds.ts'
import type { Job } from '../../../core/api/types/batch-v1.ts'
import type { Container, EnvVar, Pod } from '../../../core/api/types/core-v1.ts'
import type { Draft } from '../../../core/meta/object.ts'
import { findCondition } from '../../../core/meta/conditions.ts'
import { controllerReference } from '../../../core/meta/owner.ts'
import { podFromTemplate } from '../../runtime/pod.ts'

/** Names that Jobs put on their pods. Source: Kubernetes labels, annotations and taints reference. */
export const TRACKING = 'batch.kubernetes.io/job-tracking'
export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index'
export const INDEX_FAILURES = 'batch.kubernetes.io/job-index-failure-count'
export const JOB_NAME = 'batch.kubernetes.io/job-name'

const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX'

/** What one new pod needs besides the template; `index` for indexed Jobs alone. */
export interface NewPod {
  readonly index?: number | undefined
  /** Failures of this index so far, where a limit per index is set. */
  readonly failures?: number | undefined
}

export function isIndexed({ spec }: Job): boolean {
  return spec.completionMode === 'Indexed'
}

/** Whether the end of the pod has yet to be counted: it carries the finalizer of jobs. */
export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(TRACKING) ?? false
}

/** Undefined when the pod has none or one outside of the Job's completions. */
export function indexOf(pod: Pod, job: Job): number | undefined {
  const text = pod.metadata.annotations?.[COMPLETION_INDEX]
  if (text === undefined || !/^[0-9]+$/.test(text)) return undefined
  const index = Number(text)
  return index < (job.spec.completions ?? 0) ? index : undefined
}

/** How often the index of this pod failed before it was made. */
export function indexFailuresOf({ metadata }: Pod): number {
  const text = metadata.annotations?.[INDEX_FAILURES]
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : 0
}

/** A pod from the job's template, with the finalizer that keeps it until its end is counted. */
export function podFor(job: Job, { index, failures }: NewPod): Draft<Pod> {
  const { metadata, spec } = podFromTemplate(job.spec.template)
  const { name, namespace } = job.metadata
  const base: Draft<Pod> = {
    metadata: {
      ...metadata,
      namespace,
      generateName: index === undefined ? `${name}-` : `${name}-${index}-`,
      finalizers: [...(metadata.finalizers ?? []).filter((finalizer) => finalizer !== TRACKING), TRACKING],
      ownerReferences: [controllerReference(jobs, job)],
    },
    spec,
  }
  if (index === undefined) return base
  const annotations = {
    ...metadata.annotations,
    [COMPLETION_INDEX]: String(index),
    ...(failures !== undefined && { [INDEX_FAILURES]: String(failures) }),
  }
  const labels = { ...metadata.labels, [COMPLETION_INDEX]: String(index) }
  return {
    metadata: { ...base.metadata, annotations, labels },
    spec: {
      ...spec,
      hostname: spec.hostname ?? `${name}-${index}`,
      containers: spec.containers.map(withIndex),
      ...(spec.initContainers !== undefined && { initContainers: spec.initContainers.map(withIndex) }),
    },
  }
}

function withIndex(container: Container): Container {
  const { env = [] } = container
  if (env.some(({ name }) => name === INDEX_VARIABLE)) return container
  const variable: EnvVar = { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } } }
  return { ...container, env: [...env, variable] }
}

/** When the pod ended, in milliseconds: its last container, else what comes closest to it. */
export function finishedAtMs(pod: Pod, nowMs: number): number {
  const ends = (pod.status.containerStatuses ?? []).map(({ state }) => Date.parse(state.terminated?.finishedAt ?? ''))
  const known = ends.filter((end) => !Number.isNaN(end))
  if (known.length > 0) return Math.max(...known)
  const ready = findCondition(pod.status.conditions, 'Ready')
  const fallback = Date.parse((ready?.status === 'False' ? ready.lastTransitionTime : undefined) ?? pod.metadata.deletionTimestamp ?? '')
  return Number.isNaN(fallback) ? nowMs : fallback
}
