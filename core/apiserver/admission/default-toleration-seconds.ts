import type { Pod, Toleration } from '../../api/types/core-v1.ts'
import type { Work } from '../resources/resource-def.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isWriteOf, PODS } from './target.ts'

const KEYS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const
const SECONDS = 300

/** Pods survive five minutes of a node that is not ready or unreachable. Source: kubernetes, plugin/pkg/admission/defaulttolerationseconds. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  handles: (attributes) => isWriteOf(attributes, PODS),
  admit: ({ object }) => {
    const { spec } = object as Work<Pod>
    const tolerations = spec.tolerations ?? []
    const missing = KEYS.filter((key) => !tolerations.some((toleration) => covers(toleration, key)))
    if (missing.length === 0) return
    const added = missing.map((key): Work<Toleration> => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: SECONDS }))
    spec.tolerations = [...tolerations, ...added]
  },
}

function covers({ key = '', effect }: Toleration, wanted: string): boolean {
  return (key === wanted || key === '') && (effect === undefined || effect === 'NoExecute')
}
