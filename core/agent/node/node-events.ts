import type { NodeCondition } from '../../api/types/core-v1.ts'
import type { EventReference } from '../../client/recorder.ts'

/** Events about a node bear its name as uid: who reports it need not know the object. Source: Kubernetes, kubelet. */
export function nodeReference(nodeName: string): EventReference {
  return { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: nodeName }
}

/** Reasons by condition: when it is true, and when it is not. Source: Kubernetes 1.35, kubelet nodestatus. */
const REASONS: Readonly<Record<string, readonly [whenTrue: string, whenNot: string]>> = {
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
  Ready: ['NodeReady', 'NodeNotReady'],
}

/** Reasons of the events that tell what became different; a node that is not ready from the start became nothing. */
export function changesOf(old: readonly NodeCondition[], next: readonly NodeCondition[]): readonly string[] {
  return next.flatMap(({ type, status }) => {
    const reasons = REASONS[type]
    const before = old.find((condition) => condition.type === type)
    if (reasons === undefined || before?.status === status) return []
    if (type === 'Ready' && before === undefined && status !== 'True') return []
    return [status === 'True' ? reasons[0] : reasons[1]]
  })
}
