import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from '../../../../api/types/core-v1.ts'
import { duplicate, forbidden, invalid, required, tooLong } from '../../../../meta/field-error.ts'
import { dns1123SubdomainProblems } from '../../../../meta/names.ts'
import { checkEnum, checkFormat, checkId, checkRequired, type Problems } from '../../validation/common.ts'
import { containersOf } from '../containers.ts'
import { checkDescending } from './paths.ts'

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined']
const MAX_PROFILE_LENGTH = 4_095

/** `hostUsers`: the pod shares the node's user namespace. */
export function checkSecurityContext(context: SecurityContext, path: string, hostUsers: boolean, problems: Problems): void {
  checkId(context.runAsUser, `${path}.runAsUser`, problems)
  checkId(context.runAsGroup, `${path}.runAsGroup`, problems)
  if (context.procMount !== undefined) {
    checkEnum(context.procMount, `${path}.procMount`, ['Default', 'Unmasked'], problems)
    if (hostUsers && context.procMount === 'Unmasked')
      problems.push(invalid(`${path}.procMount`, context.procMount, '`hostUsers` must be false to use `Unmasked`'))
  }
  if (context.seccompProfile !== undefined) checkSeccomp(context.seccompProfile, `${path}.seccompProfile`, problems)
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged === true)
      problems.push(invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'))
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN') === true)
      problems.push(invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'))
  }
  if (context.windowsOptions !== undefined) checkWindowsOptions(context.windowsOptions, `${path}.windowsOptions`, problems)
  if (context.appArmorProfile !== undefined) checkAppArmor(context.appArmorProfile, `${path}.appArmorProfile`, problems)
}

export function checkPodSecurityContext(spec: PodSpec, path: string, problems: Problems): void {
  const context = spec.securityContext
  if (context === undefined) return
  const at = `${path}.securityContext`
  checkId(context.fsGroup, `${at}.fsGroup`, problems)
  checkId(context.runAsUser, `${at}.runAsUser`, problems)
  checkId(context.runAsGroup, `${at}.runAsGroup`, problems)
  context.supplementalGroups?.forEach((group, i) => {
    checkId(group, `${at}.supplementalGroups[${i}]`, problems)
  })
  if (spec.shareProcessNamespace === true && spec.hostPID === true)
    problems.push(invalid(`${at}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'))
  if (context.sysctls !== undefined) checkSysctls(spec, `${at}.sysctls`, problems)
  checkEnum(context.fsGroupChangePolicy, `${at}.fsGroupChangePolicy`, ['Always', 'OnRootMismatch'], problems)
  if (context.seccompProfile !== undefined) checkSeccomp(context.seccompProfile, `${at}.seccompProfile`, problems)
  if (context.windowsOptions !== undefined) checkWindowsOptions(context.windowsOptions, `${at}.windowsOptions`, problems)
  if (context.appArmorProfile !== undefined) checkAppArmor(context.appArmorProfile, `${at}.appArmorProfile`, problems)
  checkEnum(context.seLinuxChangePolicy, `${at}.seLinuxChangePolicy`, ['MountOption', 'Recursive'], problems)
  checkEnum(context.supplementalGroupsPolicy, `${at}.supplementalGroupsPolicy`, ['Merge', 'Strict'], problems)
}

const SYSCTL_SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const SYSCTL_PATTERN = `(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}`
const SYSCTL_NAME = new RegExp(`^${SYSCTL_PATTERN}$`)
const MAX_SYSCTL_LENGTH = 253
const IPC_SYSCTL = /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/

function checkSysctls(spec: PodSpec, path: string, problems: Problems): void {
  const seen = new Set<string>()
  spec.securityContext?.sysctls?.forEach(({ name }, i) => {
    const at = `${path}[${i}].name`
    if (name === '') problems.push(required(at))
    else if (name.length > MAX_SYSCTL_LENGTH || !SYSCTL_NAME.test(name))
      problems.push(invalid(at, name, `must have at most ${MAX_SYSCTL_LENGTH} characters and match regex ${SYSCTL_PATTERN}`))
    else if (seen.has(name)) problems.push(duplicate(at, name))
    seen.add(name)
    const dotted = name.replaceAll('/', '.')
    if (spec.hostNetwork === true && dotted.startsWith('net.'))
      problems.push(invalid(at, name, "may not be specified when 'hostNetwork' is true"))
    if (spec.hostIPC === true && IPC_SYSCTL.test(dotted)) problems.push(invalid(at, name, "may not be specified when 'hostIPC' is true"))
  })
}

function checkSeccomp(profile: SeccompProfile, path: string, problems: Problems): void {
  const { type, localhostProfile } = profile
  if ((type as string) === '') problems.push(required(`${path}.type`, 'type is required when seccompProfile is set'))
  else checkEnum(type, `${path}.type`, PROFILE_TYPES, problems)
  const at = `${path}.localhostProfile`
  if (type !== 'Localhost') {
    if (localhostProfile !== undefined) problems.push(invalid(at, profile, 'can only be set when seccomp type is Localhost'))
  } else if (localhostProfile === undefined) problems.push(required(at, 'must be set when seccomp type is Localhost'))
  else checkDescending(localhostProfile, at, problems)
}

function checkAppArmor({ type, localhostProfile }: AppArmorProfile, path: string, problems: Problems): void {
  const at = `${path}.localhostProfile`
  if ((type as string) === '') problems.push(required(`${path}.type`, 'type is required when appArmorProfile is set'))
  else checkEnum(type, `${path}.type`, PROFILE_TYPES, problems)
  if (type !== 'Localhost') {
    if (localhostProfile !== undefined && PROFILE_TYPES.includes(type))
      problems.push(invalid(at, localhostProfile, 'can only be set when AppArmor type is Localhost'))
    return
  }
  if (localhostProfile === undefined) {
    problems.push(required(at, 'must be set when AppArmor type is Localhost'))
    return
  }
  const plain = localhostProfile.trim()
  if (localhostProfile !== plain) problems.push(invalid(at, localhostProfile, 'must not be padded with whitespace'))
  else if (plain === '') problems.push(required(at, 'must be set when AppArmor type is Localhost'))
  if (localhostProfile.length > MAX_PROFILE_LENGTH) problems.push(tooLong(at, MAX_PROFILE_LENGTH))
}

type WindowsOptions = NonNullable<SecurityContext['windowsOptions']>

function checkWindowsOptions(options: WindowsOptions, path: string, problems: Problems): void {
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options
  if (gmsaCredentialSpecName !== undefined)
    checkFormat(gmsaCredentialSpecName, `${path}.gmsaCredentialSpecName`, dns1123SubdomainProblems, problems)
  if (gmsaCredentialSpec === '') problems.push(invalid(`${path}.gmsaCredentialSpec`, '', 'gmsaCredentialSpec cannot be an empty string'))
  if (runAsUserName === '') problems.push(invalid(`${path}.runAsUserName`, '', 'runAsUserName cannot be an empty string'))
}

const LINUX_POD_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const
const LINUX_CONTAINER_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const
const NOT_ON_WINDOWS = 'cannot be set for a windows pod'

/** What the named operating system has no notion of. */
export function checkOs(spec: PodSpec, path: string, problems: Problems): void {
  if (spec.os === undefined) return
  checkRequired(spec.os.name, `${path}.os.name`, problems)
  if (spec.os.name !== '') checkEnum(spec.os.name, `${path}.os`, ['linux', 'windows'], problems)
  if (spec.os.name === 'linux') checkLinuxOnly(spec, path, problems)
  if (spec.os.name === 'windows') checkWindowsOnly(spec, path, problems)
}

function* contexts(spec: PodSpec, path: string): Generator<readonly [SecurityContext, string]> {
  for (const [{ securityContext }, list, i] of containersOf(spec))
    if (securityContext !== undefined) yield [securityContext, `${path}.${list}[${i}].securityContext`]
}

const hasWindowsOptions = ([{ securityContext }]: ReturnType<typeof containersOf>[number]): boolean =>
  securityContext?.windowsOptions !== undefined

/** Containers with the rights of the Windows node itself: all of a pod or none. */
export function checkHostProcess(spec: PodSpec, path: string, problems: Problems): void {
  const containers = containersOf(spec)
  if (spec.securityContext?.windowsOptions === undefined && !containers.some(hasWindowsOptions)) return
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess
  const own = containers.map(([{ securityContext }]) => securityContext?.windowsOptions?.hostProcess)
  containers.forEach(([, list, i], place) => {
    const value = own[place]
    if (value === undefined || ofPod === undefined || value === ofPod) return
    const at = `${path}.${list}[${i}].securityContext.windowsOptions.hostProcess`
    problems.push(invalid(at, value, `pod hostProcess value must be identical if both are specified, was ${ofPod}`))
  })
  const count = own.filter((value) => value ?? ofPod).length
  if (count === 0) return
  if (count !== containers.length)
    problems.push(invalid(path, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers'))
  if (spec.hostNetwork !== true)
    problems.push(
      invalid(`${path}.hostNetwork`, spec.hostNetwork ?? false, 'hostNetwork must be true if pod contains any hostProcess containers'),
    )
}

function checkLinuxOnly(spec: PodSpec, path: string, problems: Problems): void {
  const text = 'windows options cannot be set for a linux pod'
  if (spec.securityContext?.windowsOptions !== undefined) problems.push(forbidden(`${path}.securityContext.windowsOptions`, text))
  for (const [context, at] of contexts(spec, path))
    if (context.windowsOptions !== undefined) problems.push(forbidden(`${at}.windowsOptions`, text))
}

function checkWindowsOnly(spec: PodSpec, path: string, problems: Problems): void {
  for (const field of ['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const)
    if (spec[field] !== undefined && (field === 'hostUsers' || field === 'shareProcessNamespace' || spec[field]))
      problems.push(forbidden(`${path}.${field}`, NOT_ON_WINDOWS))
  for (const field of LINUX_POD_FIELDS)
    if (spec.securityContext?.[field] !== undefined) problems.push(forbidden(`${path}.securityContext.${field}`, NOT_ON_WINDOWS))
  for (const [context, at] of contexts(spec, path))
    for (const field of LINUX_CONTAINER_FIELDS) if (context[field] !== undefined) problems.push(forbidden(`${at}.${field}`, NOT_ON_WINDOWS))
}
