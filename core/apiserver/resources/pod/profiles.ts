import type { AppArmorProfile, Container, Pod } from '../../../api/types/core-v1.ts'
import type { Work } from '../resource-def.ts'

export const APP_ARMOR_PREFIX = 'container.apparmor.security.beta.kubernetes.io/'
export const RUNTIME_DEFAULT = 'runtime/default'
export const UNCONFINED = 'unconfined'
export const LOCALHOST_PREFIX = 'localhost/'

/**
 * AppArmor profiles are kept both as fields and as the annotations of old, so that readers of either agree.
 * Where only one is given the other is made from it. Source: Kubernetes documentation, "AppArmor", securing a pod.
 */
export function syncAppArmor(pod: Work<Pod>): void {
  const { spec } = pod
  if (spec.os?.name === 'windows') return
  const said = hasAnnotations(pod.metadata.annotations) || spec.securityContext?.appArmorProfile !== undefined
  for (const list of [spec.initContainers, spec.containers, spec.ephemeralContainers])
    for (const container of list ?? []) if (said || container.securityContext?.appArmorProfile !== undefined) syncContainer(pod, container)
}

/** Most pods say nothing: they pay for a look, no more. */
function hasAnnotations(annotations: Readonly<Record<string, string>> | undefined): boolean {
  for (const key in annotations) if (key.startsWith(APP_ARMOR_PREFIX)) return true
  return false
}

function syncContainer({ metadata, spec }: Work<Pod>, container: Work<Pick<Container, 'name' | 'securityContext'>>): void {
  const ofPod = spec.securityContext?.appArmorProfile
  const own = container.securityContext?.appArmorProfile
  const key = `${APP_ARMOR_PREFIX}${container.name}`
  const annotation = metadata.annotations?.[key]
  if (annotation === undefined) {
    const text = textOf(own ?? ofPod)
    if (text !== undefined) metadata.annotations = { ...metadata.annotations, [key]: text }
  } else if (own === undefined) {
    const profile = profileOf(annotation)
    if (profile !== undefined && !isSame(profile, ofPod))
      container.securityContext = { ...container.securityContext, appArmorProfile: profile }
  }
}

function textOf(profile: AppArmorProfile | undefined): string | undefined {
  if (profile?.type === 'Unconfined') return UNCONFINED
  if (profile?.type === 'RuntimeDefault') return RUNTIME_DEFAULT
  return profile?.type === 'Localhost' && profile.localhostProfile !== undefined
    ? `${LOCALHOST_PREFIX}${profile.localhostProfile}`
    : undefined
}

/** Undefined for what is no profile: validation names it. */
function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === UNCONFINED) return { type: 'Unconfined' }
  if (annotation === RUNTIME_DEFAULT) return { type: 'RuntimeDefault' }
  const file = annotation.startsWith(LOCALHOST_PREFIX) ? annotation.slice(LOCALHOST_PREFIX.length) : ''
  return file.trim() === '' ? undefined : { type: 'Localhost', localhostProfile: file }
}

const isSame = (a: AppArmorProfile, b: AppArmorProfile | undefined): boolean =>
  a.type === b?.type && a.localhostProfile === b.localhostProfile
