import type { PodSpec, PodTemplateSpec, SeccompProfile } from '../../../../api/types/core-v1.ts'
import { forbidden, invalid } from '../../../../meta/field-error.ts'
import type { Problems } from '../../validation/common.ts'
import { containersOf } from '../containers.ts'
import { APP_ARMOR_PREFIX, LOCALHOST_PREFIX, RUNTIME_DEFAULT, UNCONFINED } from '../profiles.ts'
import { checkDescending } from './paths.ts'

export const MIRROR = 'kubernetes.io/config.mirror'
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'
const MIN_INT32 = -2_147_483_648
const MAX_INT32 = 2_147_483_647
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod'
const SECCOMP_PREFIX = 'container.seccomp.security.alpha.kubernetes.io/'
const DOCKER_DEFAULT = 'docker/default'

type Annotations = Readonly<Record<string, string>>

const isProfile = (key: string): boolean => key === SECCOMP_POD || key.startsWith(SECCOMP_PREFIX) || key.startsWith(APP_ARMOR_PREFIX)

/** What annotations mean to Kubernetes itself. `path` leads to them. */
export function checkAnnotations({ metadata, spec }: PodTemplateSpec, path: string, problems: Problems): void {
  const { annotations } = metadata
  if (annotations === undefined) return
  const mirror = annotations[MIRROR]
  if (mirror !== undefined && (spec.nodeName ?? '') === '')
    problems.push(invalid(`${path}[${MIRROR}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set'))
  const cost = annotations[DELETION_COST]
  if (cost !== undefined && !isInt32(cost)) problems.push(invalid(`${path}[${DELETION_COST}]`, cost, 'must be a 32bit integer'))
  checkProfiles(annotations, spec, path, problems)
}

/** Without sign or leading zeros but a minus, as the controller reads it. */
function isInt32(text: string): boolean {
  return /^(0|-?[1-9]\d*)$/.test(text) && Number(text) >= MIN_INT32 && Number(text) <= MAX_INT32
}

/** Security profiles were annotations once, and still can be. */
function checkProfiles(annotations: Annotations, spec: PodSpec, path: string, problems: Problems): void {
  for (const key in annotations) {
    const value = annotations[key] ?? ''
    if (key === SECCOMP_POD || key.startsWith(SECCOMP_PREFIX)) checkSeccompValue(value, `${path}.${key}`, problems)
    if (!key.startsWith(APP_ARMOR_PREFIX)) continue
    const name = key.slice(APP_ARMOR_PREFIX.length)
    const at = `${path}[${key}]`
    if (!containersOf(spec).some(([container]) => container.name === name)) problems.push(invalid(at, name, 'container not found'))
    if (value !== '' && value !== RUNTIME_DEFAULT && value !== UNCONFINED && !value.startsWith(LOCALHOST_PREFIX))
      problems.push(invalid(at, value, `invalid AppArmor profile name: ${JSON.stringify(value)}`))
  }
}

function checkSeccompValue(value: string, path: string, problems: Problems): void {
  if (value === RUNTIME_DEFAULT || value === DOCKER_DEFAULT || value === UNCONFINED) return
  if (value.startsWith(LOCALHOST_PREFIX)) checkDescending(value.slice(LOCALHOST_PREFIX.length), path, problems)
  else problems.push(invalid(path, value, 'must be a valid seccomp profile'))
}

/** What is said by annotation and by field must be one thing. On create only: a stored pod may differ, and its kubelet has long decided. */
export function checkProfilesAgree({ metadata, spec }: PodTemplateSpec, path: string, problems: Problems): void {
  const annotations = metadata.annotations
  if (annotations === undefined || !Object.keys(annotations).some(isProfile)) return
  checkAgrees(annotations[SECCOMP_POD], spec.securityContext?.seccompProfile, `${path}.securityContext.seccompProfile`, problems)
  for (const [{ name, securityContext }, list, i] of containersOf(spec)) {
    const at = `${path}.${list}[${i}].securityContext`
    checkAgrees(annotations[`${SECCOMP_PREFIX}${name}`], securityContext?.seccompProfile, `${at}.seccompProfile`, problems)
    if (spec.os?.name !== 'windows')
      checkAgrees(annotations[`${APP_ARMOR_PREFIX}${name}`], securityContext?.appArmorProfile, `${at}.appArmorProfile`, problems)
  }
}

/** Both kinds of profile have the same shape and the same words in annotations. */
function checkAgrees(annotation: string | undefined, profile: SeccompProfile | undefined, path: string, problems: Problems): void {
  if (annotation === undefined || profile === undefined) return
  const kind = path.endsWith('seccompProfile') ? 'seccomp' : 'apparmor'
  if (!isOfType(annotation, profile.type, kind)) problems.push(forbidden(`${path}.type`, `${kind} type in annotation and field must match`))
  else if (profile.type === 'Localhost' && annotation.slice(LOCALHOST_PREFIX.length) !== profile.localhostProfile)
    problems.push(forbidden(`${path}.localhostProfile`, `${kind} profile in annotation and field must match`))
}

function isOfType(annotation: string, type: string, kind: string): boolean {
  if (type === 'Unconfined') return annotation === UNCONFINED
  if (type === 'Localhost') return annotation.startsWith(LOCALHOST_PREFIX)
  if (type === 'RuntimeDefault') return annotation === RUNTIME_DEFAULT || (kind === 'seccomp' && annotation === DOCKER_DEFAULT)
  return true
}
