import { hostPortsOf, portsCollide } from '../../api/rules/host-ports.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import { parseQuantity, toMilli, toUnits } from '../../meta/quantity.ts'
import { podResources } from '../cgroup/pod-resources.ts'
import type { NodeFacts } from '../downward/field-ref.ts'
import { featureProblem, type NodeFeatures } from './node-features.ts'
import { forbiddenSysctl } from './spec/sysctls.ts'

export interface AdmissionContext {
  readonly node: () => NodeFacts
  readonly facts: { readonly allowedUnsafeSysctls: readonly string[]; readonly features: NodeFeatures }
  /** Pods that count against this node, the candidate possibly among them. */
  readonly activePods: () => readonly Pod[]
}

export interface AdmissionProblem {
  readonly reason: string
  readonly message: string
}

interface Demand {
  readonly name: string
  readonly of: (pod: Pod) => number
  readonly capacity: (text: string | undefined) => number
}

const DEMANDS: readonly Demand[] = [
  { name: 'pods', of: () => 1, capacity: (text) => toUnits(parseQuantity(text)) },
  { name: 'cpu', of: (pod) => podResources(pod).cpuRequestMillicores, capacity: (text) => toMilli(parseQuantity(text)) },
  { name: 'memory', of: (pod) => podResources(pod).memoryRequestBytes, capacity: (text) => toUnits(parseQuantity(text)) },
]

/** Why this node will not run a pod that was bound to it. Two schedulers, or a bound pod made by hand, can ask too much. */
export function admissionProblem(pod: Pod, context: AdmissionContext): AdmissionProblem | undefined {
  const sysctl = forbiddenSysctl(pod, context.facts.allowedUnsafeSysctls)
  if (sysctl !== undefined) return { reason: 'SysctlForbidden', message: sysctl }
  return featureProblem(pod, context.facts.features) ?? resourceProblem(pod, context) ?? portProblem(pod, context)
}

/** A host port can be held by one pod at a time. Source: the kubelet's admission, which runs the scheduler's NodePorts check. */
function portProblem(pod: Pod, { activePods }: Pick<AdmissionContext, 'activePods'>): AdmissionProblem | undefined {
  const wanted = hostPortsOf(pod)
  if (wanted.length === 0) return undefined
  const held = activePods()
    .filter(({ metadata }) => metadata.uid !== pod.metadata.uid)
    .flatMap(hostPortsOf)
  if (!wanted.some((port) => held.some((other) => portsCollide(port, other)))) return undefined
  return { reason: 'NodePorts', message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports" }
}

/** Which of its resources the node lacks for the pod beside the others. */
export function resourceProblem(pod: Pod, context: Pick<AdmissionContext, 'node' | 'activePods'>): AdmissionProblem | undefined {
  const { allocatable } = context.node()
  const others = context.activePods().filter(({ metadata }) => metadata.uid !== pod.metadata.uid)
  for (const { name, of, capacity } of DEMANDS) {
    const wanted = of(pod)
    const total = capacity(allocatable[name])
    const used = others.reduce((sum, other) => sum + of(other), 0)
    if (wanted === 0 || allocatable[name] === undefined || used + wanted <= total) continue
    const message = `Node didn't have enough resource: ${name}, requested: ${wanted}, used: ${used}, capacity: ${total}`
    return { reason: `OutOf${name}`, message }
  }
  return undefined
}
