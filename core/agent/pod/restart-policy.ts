import { isSidecar } from '../../api/rules/pod-containers.ts'
import type { Container, ContainerRestartRule, Pod } from '../../api/types/core-v1.ts'
import type { ContainerRecord } from './pod-runtime.ts'

/** Whether a container that has ended runs again. Source: Kubernetes documentation, "Container restart policy". */
export function restartsAfter(pod: Pod, container: Container, ended: Pick<ContainerRecord, 'exitCode'>): boolean {
  const rule = (container.restartPolicyRules ?? []).find((candidate) => matches(candidate, ended.exitCode))
  if (rule !== undefined) return rule.action === 'Restart'
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? 'Always'
  // An init step that succeeded is done, whatever the pod's policy says.
  return policy === 'Always' || (policy === 'OnFailure' && ended.exitCode !== 0)
}

/** An init step runs again after a failure unless the policy is Never. */
export function initRestartsAfter(pod: Pod, container: Container, ended: Pick<ContainerRecord, 'exitCode'>): boolean {
  if (isSidecar(container)) return true
  return ended.exitCode !== 0 && restartsAfter(pod, container, ended)
}

function matches({ exitCodes }: ContainerRestartRule, exitCode: number): boolean {
  if (exitCodes === undefined) return false
  const listed = (exitCodes.values ?? []).includes(exitCode)
  return exitCodes.operator === 'In' ? listed : !listed
}
