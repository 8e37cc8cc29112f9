import { join } from 'node:path'
import type { AppArmorProfile, Container, Pod, SeccompProfile } from '../../../api/types/core-v1.ts'
import type {
  ContainerSecurityContext,
  Int64Value,
  NamespaceOptions,
  RuntimeImage,
  SandboxSecurityContext,
  SecurityProfile,
} from '../../cri/types.ts'
import { appArmorProfileOf } from '../node-features.ts'
import { ConfigError } from './config-error.ts'

/** What Kubernetes hides of /proc unless asked not to. Source: Kubernetes documentation, procMount. */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

export interface SecurityInput {
  readonly pod: Pod
  readonly container: Container
  readonly image: Pick<RuntimeImage, 'uid' | 'username'>
  /** Container whose processes an ephemeral container joins. */
  readonly targetId?: string | undefined
  /** Folder of seccomp profiles of type Localhost. */
  readonly seccompRoot: string
}

/** Throws ConfigError when runAsNonRoot forbids the user that the container would get. */
export function containerSecurity(input: SecurityInput): ContainerSecurityContext {
  const { pod, container, image, targetId, seccompRoot } = input
  const own = container.securityContext
  const shared = pod.spec.securityContext
  assertNonRoot(input)
  const user = own?.runAsUser ?? shared?.runAsUser
  const group = own?.runAsGroup ?? shared?.runAsGroup
  const privileged = own?.privileged === true
  const unmasked = own?.procMount === 'Unmasked'
  return {
    ...(own?.capabilities !== undefined && {
      capabilities: { addCapabilities: own.capabilities.add ?? [], dropCapabilities: own.capabilities.drop ?? [] },
    }),
    privileged,
    namespaceOptions: namespaceOptions(pod, targetId),
    selinuxOptions: own?.seLinuxOptions ?? shared?.seLinuxOptions,
    ...(user !== undefined ? { runAsUser: { value: user } } : imageUser(image)),
    runAsGroup: wrap(group),
    readonlyRootfs: own?.readOnlyRootFilesystem === true,
    supplementalGroups: supplementalGroups(pod),
    supplementalGroupsPolicy: shared?.supplementalGroupsPolicy === 'Strict' ? 'Strict' : 'Merge',
    noNewPrivs: own?.allowPrivilegeEscalation === false && !privileged,
    maskedPaths: unmasked || privileged ? [] : MASKED_PATHS,
    readonlyPaths: unmasked || privileged ? [] : READONLY_PATHS,
    ...appArmor(appArmorProfileOf(pod.spec, container)),
    seccomp: privileged ? UNCONFINED : seccompOf(own?.seccompProfile ?? shared?.seccompProfile, seccompRoot),
  }
}

export function sandboxSecurity(pod: Pod): SandboxSecurityContext {
  const { securityContext: shared } = pod.spec
  const privileged = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].some(
    ({ securityContext }) => securityContext?.privileged === true,
  )
  return {
    namespaceOptions: namespaceOptions(pod, undefined),
    runAsUser: wrap(shared?.runAsUser),
    // A group without a user is refused by runtimes.
    ...(shared?.runAsUser !== undefined && { runAsGroup: wrap(shared.runAsGroup) }),
    supplementalGroups: supplementalGroups(pod),
    selinuxOptions: shared?.seLinuxOptions,
    privileged,
    // The pod's own profile is for its containers: the process that holds the sandbox may need what it forbids.
    seccomp: { profileType: 'RuntimeDefault' },
  }
}

const UNCONFINED: SecurityProfile = { profileType: 'Unconfined' }
const wrap = (value: number | undefined): Int64Value | undefined => (value === undefined ? undefined : { value })

function supplementalGroups(pod: Pod): readonly number[] {
  const { fsGroup, supplementalGroups: listed = [] } = pod.spec.securityContext ?? {}
  return fsGroup === undefined ? listed : [...listed, fsGroup]
}

function imageUser({ uid, username }: SecurityInput['image']): Pick<ContainerSecurityContext, 'runAsUser' | 'runAsUsername'> {
  if (username !== '') return { runAsUsername: username }
  return { runAsUser: wrap(uid ?? 0) }
}

function assertNonRoot({ pod, container, image }: SecurityInput): void {
  const own = container.securityContext
  const shared = pod.spec.securityContext
  if ((own?.runAsNonRoot ?? shared?.runAsNonRoot) !== true) return
  const { name, namespace = 'default', uid } = pod.metadata
  const where = `(pod: "${name}_${namespace}(${uid})", container: ${container.name})`
  const user = own?.runAsUser ?? shared?.runAsUser
  if (user !== undefined) {
    if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`)
    return
  }
  if (image.username !== '')
    throw new ConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    )
  if ((image.uid ?? 0) === 0) throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`)
}

function namespaceOptions(pod: Pod, targetId: string | undefined): NamespaceOptions {
  const { spec } = pod
  const network = spec.hostNetwork === true ? 'NODE' : 'POD'
  const ipc = spec.hostIPC === true ? 'NODE' : 'POD'
  const pid = spec.hostPID === true ? 'NODE' : spec.shareProcessNamespace === true ? 'POD' : 'CONTAINER'
  if (targetId !== undefined && pid === 'CONTAINER') return { network, ipc, pid: 'TARGET', targetId }
  return { network, ipc, pid }
}

/** Without a profile the runtime chooses its own. */
function appArmor(profile: AppArmorProfile | undefined): Pick<ContainerSecurityContext, 'apparmor'> {
  if (profile === undefined) return {}
  const { type, localhostProfile } = profile
  const profileType = type === 'Localhost' || type === 'RuntimeDefault' ? type : 'Unconfined'
  return { apparmor: { profileType, ...(type === 'Localhost' && { localhostRef: localhostProfile ?? '' }) } }
}

function seccompOf(profile: SeccompProfile | undefined, root: string): SecurityProfile {
  if (profile === undefined) return UNCONFINED
  if (profile.type === 'Localhost') return { profileType: 'Localhost', localhostRef: join(root, profile.localhostProfile ?? '') }
  return { profileType: profile.type === 'RuntimeDefault' ? 'RuntimeDefault' : 'Unconfined' }
}
