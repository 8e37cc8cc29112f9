import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import { GROUP_VERSIONS } from '../../../api/kind-table.ts'
import { isConditionTrue } from '../../../meta/conditions.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'

/** Marks the objects that the server keeps itself: for good, or as long as a custom kind is there. */
export const AUTOMANAGED = 'kube-aggregator.kubernetes.io/automanaged'

export const AVAILABLE = {
  type: 'Available',
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
} as const

/** What stands in `spec` and labels of the APIService of a group version that this server serves. */
export interface LocalService {
  readonly name: string
  readonly managed: 'onstart' | 'true'
  readonly spec: {
    readonly group: string
    readonly version: string
    readonly groupPriorityMinimum: number
    readonly versionPriority: number
  }
}

/** Priorities of custom groups. Source: kube-apiserver, crdRegistration. */
const CUSTOM = { groupPriorityMinimum: 1000, versionPriority: 100 }

/** One for each served group version but that of APIServices themselves. */
export function localServices(resources: readonly ResourceDef[]): readonly LocalService[] {
  const byVersion = new Map(resources.map((def) => [`${def.group}/${def.version}`, def]))
  return [...byVersion.values()].flatMap(({ group, version }) => {
    const known = GROUP_VERSIONS.find((entry) => entry.group === group && entry.version === version)
    if (known !== undefined && known.groupPriorityMinimum === undefined) return []
    const { groupPriorityMinimum = CUSTOM.groupPriorityMinimum, versionPriority = CUSTOM.versionPriority } = known ?? CUSTOM
    const managed = known === undefined ? 'true' : 'onstart'
    return [{ name: `${version}.${group}`, managed, spec: { group, version, groupPriorityMinimum, versionPriority } } as const]
  })
}

export interface ServicePlan {
  readonly create: readonly LocalService[]
  readonly remove: readonly APIService[]
  /** Ours, and not told to be available yet. */
  readonly announce: readonly APIService[]
}

/** Objects that somebody else made for a group version are left alone. */
export function planServices(wanted: readonly LocalService[], existing: readonly APIService[]): ServicePlan {
  const names = new Set(wanted.map(({ name }) => name))
  const present = new Set(existing.map(({ metadata }) => metadata.name))
  const own = existing.filter(({ metadata, spec }) => metadata.labels?.[AUTOMANAGED] !== undefined && spec.service === undefined)
  return {
    create: wanted.filter(({ name }) => !present.has(name)),
    remove: own.filter(({ metadata }) => !names.has(metadata.name)),
    announce: own.filter(({ metadata, status }) => names.has(metadata.name) && !isConditionTrue(status.conditions, 'Available')),
  }
}
