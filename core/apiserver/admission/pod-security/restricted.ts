import type { Volume } from '../../../api/types/core-v1.ts'
import { hasOwnUsers, procMount, seccompProfiles } from './baseline.ts'
import {
  badSetters,
  type Check,
  type CheckPod,
  containerList,
  containersOf,
  namesWhere,
  type PodLike,
  plural,
  quoted,
  sortedUnique,
} from './check.ts'

const VOLUME_TYPES: ReadonlySet<string> = new Set(
  'configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret'.split(' '),
)

const isWindows = ({ spec }: PodLike): boolean => spec.os?.name === 'windows'
const unless =
  (exempt: (pod: PodLike) => boolean, run: CheckPod): CheckPod =>
  (pod) =>
    exempt(pod) ? undefined : run(pod)

const privilegeEscalation: CheckPod = (pod) => {
  const names = namesWhere(pod, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false)
  if (names.length === 0) return undefined
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${containerList(names)} must set securityContext.allowPrivilegeEscalation=false`,
  }
}

const capabilities: CheckPod = (pod) => {
  const keeping = namesWhere(pod, ({ securityContext }) => securityContext?.capabilities?.drop?.includes('ALL') !== true)
  const details = keeping.length === 0 ? [] : [`${containerList(keeping)} must set securityContext.capabilities.drop=["ALL"]`]
  const adding = containersOf(pod).flatMap(({ name, securityContext }) => {
    const added = (securityContext?.capabilities?.add ?? []).filter((capability) => capability !== 'NET_BIND_SERVICE')
    return added.length === 0 ? [] : [{ name, added }]
  })
  if (adding.length > 0) {
    const added = sortedUnique(adding.flatMap((container) => container.added))
    details.push(`${containerList(adding.map(({ name }) => name))} must not include ${quoted(added)} in securityContext.capabilities.add`)
  }
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') }
}

const volumes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).flatMap((volume) => {
    const type = typeOf(volume)
    return VOLUME_TYPES.has(type) ? [] : [{ name: volume.name, type }]
  })
  if (bad.length === 0) return undefined
  const types = sortedUnique(bad.map(({ type }) => type))
  const verb = bad.length === 1 ? 'uses' : 'use'
  return {
    reason: 'restricted volume types',
    detail: `${plural('volume', bad.length)} ${quoted(bad.map(({ name }) => name))} ${verb} ${plural('restricted volume type', types.length)} ${quoted(types)}`,
  }
}

/** The one field beside the name that is set. */
function typeOf(volume: Volume): string {
  return Object.entries(volume).find(([key, value]) => key !== 'name' && value !== undefined)?.[0] ?? 'unknown'
}

const runAsNonRoot: CheckPod = (pod) => {
  const read = (context: { readonly runAsNonRoot?: boolean | undefined }): boolean | undefined => context.runAsNonRoot
  const bad = badSetters(pod, { pod: read, container: read }, (value) => !value)
  const reason = 'runAsNonRoot != true'
  if (bad !== undefined) return { reason, detail: `${bad.who} must not set securityContext.runAsNonRoot=false` }
  if (pod.spec.securityContext?.runAsNonRoot === true) return undefined
  const silent = namesWhere(pod, ({ securityContext }) => securityContext?.runAsNonRoot === undefined)
  return silent.length === 0 ? undefined : { reason, detail: `pod or ${containerList(silent)} must set securityContext.runAsNonRoot=true` }
}

const runAsUser: CheckPod = (pod) => {
  const read = (context: { readonly runAsUser?: number | undefined }): number | undefined => context.runAsUser
  const bad = badSetters(pod, { pod: read, container: read }, (value) => value === 0)
  return bad === undefined ? undefined : { reason: 'runAsUser=0', detail: `${bad.who} must not set runAsUser=0` }
}

const seccomp: CheckPod = (pod) => {
  const bad = seccompProfiles(pod)
  if (bad !== undefined || pod.spec.securityContext?.seccompProfile !== undefined) return bad
  const silent = namesWhere(pod, ({ securityContext }) => securityContext?.seccompProfile === undefined)
  if (silent.length === 0) return undefined
  return {
    reason: 'seccompProfile',
    detail: `pod or ${containerList(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  }
}

/** Hardening beyond the baseline. In the order of their identifiers. Source: Kubernetes documentation, Pod Security Standards. */
export const RESTRICTED_CHECKS: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    level: 'restricted',
    versions: [
      { since: 8, run: privilegeEscalation },
      { since: 25, run: unless(isWindows, privilegeEscalation) },
    ],
  },
  {
    id: 'capabilities_restricted',
    level: 'restricted',
    versions: [
      { since: 22, run: capabilities, overrides: ['capabilities_baseline'] },
      { since: 25, run: unless(isWindows, capabilities), overrides: ['capabilities_baseline'] },
    ],
  },
  { id: 'procMount_restricted', level: 'restricted', versions: [{ since: 35, run: procMount, overrides: ['procMount'] }] },
  { id: 'restrictedVolumes', level: 'restricted', versions: [{ since: 0, run: volumes, overrides: ['hostPathVolumes'] }] },
  {
    id: 'runAsNonRoot',
    level: 'restricted',
    versions: [
      { since: 0, run: runAsNonRoot },
      { since: 35, run: unless(hasOwnUsers, runAsNonRoot) },
    ],
  },
  {
    id: 'runAsUser',
    level: 'restricted',
    versions: [
      { since: 23, run: runAsUser },
      { since: 35, run: unless(hasOwnUsers, runAsUser) },
    ],
  },
  {
    id: 'seccompProfile_restricted',
    level: 'restricted',
    versions: [
      { since: 19, run: seccomp, overrides: ['seccompProfile_baseline'] },
      { since: 25, run: unless(isWindows, seccomp), overrides: ['seccompProfile_baseline'] },
    ],
  },
]
