import type { Job, PodFailurePolicyRule } from '../../../core/api/types/batch-v1.ts'
import type { ContainerStatus, Pod } from '../../../core/api/types/core-v1.ts'

/** What the first matching rule of a Job's pod failure policy says about a failed pod. */
export interface PolicyMatch {
  readonly action: PodFailurePolicyRule['action']
  /** The text that stands in the Job's condition when the action is FailJob. */
  readonly message: string
}

/** Undefined when the Job has no policy or no rule matches: the failure counts. Source: Kubernetes documentation, "Pod failure policy". */
export function matchFailurePolicy(job: Job, pod: Pod): PolicyMatch | undefined {
  const rules = job.spec.podFailurePolicy?.rules ?? []
  for (const [index, rule] of rules.entries()) {
    const why = rule.onExitCodes === undefined ? matchConditions(rule, pod) : matchExitCodes(rule, pod)
    if (why !== undefined) return { action: rule.action, message: `${why} matching ${rule.action} rule at index ${index}` }
  }
  return undefined
}

function matchExitCodes({ onExitCodes }: PodFailurePolicyRule, pod: Pod): string | undefined {
  if (onExitCodes === undefined) return undefined
  const { containerName, operator, values } = onExitCodes
  const statuses: readonly ContainerStatus[] = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])]
  for (const { name, state } of statuses) {
    const exitCode = state.terminated?.exitCode
    // A container that succeeded is nobody's reason to fail.
    if (exitCode === undefined || exitCode === 0 || (containerName !== undefined && containerName !== name)) continue
    if (values.includes(exitCode) === (operator === 'In'))
      return `Container ${name} for pod ${nameOf(pod)} failed with exit code ${exitCode}`
  }
  return undefined
}

function matchConditions({ onPodConditions = [] }: PodFailurePolicyRule, pod: Pod): string | undefined {
  for (const { type, status } of onPodConditions) {
    const found = pod.status.conditions?.some((condition) => condition.type === type && condition.status === status)
    if (found === true) return `Pod ${nameOf(pod)} has condition ${type}`
  }
  return undefined
}

function nameOf({ metadata }: Pod): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}
