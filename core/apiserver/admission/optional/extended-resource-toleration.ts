import type { Pod } from '../../../api/types/core-v1.ts'
import type { Work } from '../../resources/resource-def.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isCreateOf, PODS } from '../target.ts'

/** Pods that ask for a device tolerate the taint of nodes dedicated to it. Off by default. */
export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  handles: (attributes) => isCreateOf(attributes, PODS),
  admit: ({ object }) => {
    const { spec } = object as Work<Pod>
    const containers = [...spec.containers, ...(spec.initContainers ?? [])]
    const resources = new Set(containers.flatMap(({ resources: { requests } }) => Object.keys(requests ?? {})).filter(isExtended))
    const tolerations = spec.tolerations ?? []
    const missing = [...resources]
      .sort()
      .filter((key) => !tolerations.some((own) => own.key === key && own.operator === 'Exists' && own.effect === undefined))
    if (missing.length > 0) spec.tolerations = [...tolerations, ...missing.map((key) => ({ key, operator: 'Exists' as const }))]
  },
}

/** Named with a domain that is not Kubernetes' own. */
function isExtended(name: string): boolean {
  const slash = name.indexOf('/')
  if (slash < 0 || name.startsWith('requests.')) return false
  const domain = name.slice(0, slash)
  return domain !== 'kubernetes.io' && !domain.endsWith('.kubernetes.io')
}
