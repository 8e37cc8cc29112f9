import type { LifecycleHandler, Probe, SELinuxOptions } from '../../../api/types/core-v1.ts'
import {
  type AnyContainer,
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

const DEFAULT_CAPABILITIES: ReadonlySet<string> = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(' '),
)
const SYSCTLS =
  'kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range net.ipv4.ip_unprivileged_port_start'.split(
    ' ',
  )
const SYSCTLS_27 = [...SYSCTLS, 'net.ipv4.ip_local_reserved_ports']
const SYSCTLS_29 = [
  ...SYSCTLS_27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
]
const SYSCTLS_32 = [...SYSCTLS_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']
const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t']
const APP_ARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/'
const SECCOMP_POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod'
const SECCOMP_CONTAINER_ANNOTATION = 'container.seccomp.security.alpha.kubernetes.io/'

/** A pod in a user namespace is root only inside of it. */
export const hasOwnUsers = ({ spec }: PodLike): boolean => spec.hostUsers === false

export const isConfinedSeccomp = (type: string): boolean => type === 'Localhost' || type === 'RuntimeDefault'

const appArmor: CheckPod = (pod) => {
  const read = (context: { readonly appArmorProfile?: { readonly type: string } | undefined }): string | undefined =>
    context.appArmorProfile?.type
  const bad = badSetters(pod, { pod: read, container: read }, (type) => type !== 'RuntimeDefault' && type !== 'Localhost')
  const annotations = Object.entries(pod.metadata?.annotations ?? {})
    .filter(([key, value]) => key.startsWith(APP_ARMOR_ANNOTATION) && !/^$|^runtime\/default$|^localhost\//.test(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort()
  const who = [...(bad === undefined ? [] : [bad.who]), ...(annotations.length === 0 ? [] : [plural('annotation', annotations.length)])]
  if (who.length === 0) return undefined
  const values = [...sortedUnique(bad?.values ?? []), ...annotations]
  return {
    reason: plural('forbidden AppArmor profile', values.length),
    detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  }
}

const capabilities: CheckPod = (pod) => {
  const extra = ({ securityContext }: AnyContainer): readonly string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name) => !DEFAULT_CAPABILITIES.has(name))
  const names = namesWhere(pod, (container) => extra(container).length > 0)
  if (names.length === 0) return undefined
  const found = sortedUnique(containersOf(pod).flatMap(extra))
  return {
    reason: 'non-default capabilities',
    detail: `${containerList(names)} must not include ${quoted(found)} in securityContext.capabilities.add`,
  }
}

const hostNamespaces: CheckPod = ({ spec }) => {
  const set = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true)
  return set.length === 0 ? undefined : { reason: 'host namespaces', detail: set.map((field) => `${field}=true`).join(', ') }
}

const hostPaths: CheckPod = ({ spec }) => {
  const names = (spec.volumes ?? []).filter((volume) => volume.hostPath !== undefined).map((volume) => volume.name)
  return names.length === 0 ? undefined : { reason: 'hostPath volumes', detail: `${plural('volume', names.length)} ${quoted(names)}` }
}

const hostPorts: CheckPod = (pod) => {
  const portsOf = ({ ports }: AnyContainer): readonly number[] =>
    (ports ?? []).flatMap(({ hostPort }) => (hostPort === undefined || hostPort === 0 ? [] : [hostPort]))
  const names = namesWhere(pod, (container) => portsOf(container).length > 0)
  if (names.length === 0) return undefined
  const ports = sortedUnique(containersOf(pod).flatMap(portsOf).map(String))
  return {
    reason: 'hostPort',
    detail: `${containerList(names)} ${uses(names)} ${plural('hostPort', ports.length)} ${ports.join(', ')}`,
  }
}

/** A probe of another host than the pod lets a pod's author make the node call any address. */
const probeHosts: CheckPod = (pod) => {
  const hostsOf = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: AnyContainer): readonly string[] =>
    [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].flatMap(hostsIn)
  const names = sortedUnique(namesWhere(pod, (container) => hostsOf(container).length > 0))
  if (names.length === 0) return undefined
  const hosts = sortedUnique(containersOf(pod).flatMap(hostsOf))
  return {
    reason: 'probe or lifecycle host',
    detail: `${containerList(names)} ${uses(names)} ${plural('probe or lifecycle host', hosts.length)} ${quoted(hosts)}`,
  }
}

function hostsIn(handler: Probe | LifecycleHandler | undefined): readonly string[] {
  return [handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host) => host !== undefined && host !== '') as readonly string[]
}

const privileged: CheckPod = (pod) => {
  const names = namesWhere(pod, ({ securityContext }) => securityContext?.privileged === true)
  return names.length === 0
    ? undefined
    : { reason: 'privileged', detail: `${containerList(names)} must not set securityContext.privileged=true` }
}

export const procMount: CheckPod = (pod) => {
  const unmasked = ({ securityContext }: AnyContainer): string | undefined =>
    securityContext?.procMount === 'Default' ? undefined : securityContext?.procMount
  const names = namesWhere(pod, (container) => unmasked(container) !== undefined)
  if (names.length === 0) return undefined
  const types = sortedUnique(containersOf(pod).flatMap((container) => unmasked(container) ?? []))
  return { reason: 'procMount', detail: `${containerList(names)} must not set securityContext.procMount to ${quoted(types)}` }
}

const seccompAnnotations: CheckPod = (pod) => {
  const keys = [SECCOMP_POD_ANNOTATION, ...containersOf(pod).map(({ name }) => SECCOMP_CONTAINER_ANNOTATION + name)]
  const bad = sortedUnique(
    keys.flatMap((key) => {
      const value = pod.metadata?.annotations?.[key]
      return value === undefined || /^(runtime\/default|docker\/default)$|^localhost\//.test(value)
        ? []
        : [`${key}=${JSON.stringify(value)}`]
    }),
  )
  return bad.length === 0
    ? undefined
    : { reason: 'seccompProfile', detail: `forbidden ${plural('annotation', bad.length)} ${bad.join(', ')}` }
}

/** A profile set to something unconfined, by pod or container; the restricted level asks for more. */
export const seccompProfiles: CheckPod = (pod) => {
  const read = (context: { readonly seccompProfile?: { readonly type: string } | undefined }): string | undefined =>
    context.seccompProfile?.type
  const bad = badSetters(pod, { pod: read, container: read }, (type) => !isConfinedSeccomp(type))
  if (bad === undefined) return undefined
  return {
    reason: 'seccompProfile',
    detail: `${bad.who} must not set securityContext.seccompProfile.type to ${quoted(sortedUnique(bad.values))}`,
  }
}

function seLinux(types: readonly string[]): CheckPod {
  return (pod) => {
    const read = (context: { readonly seLinuxOptions?: SELinuxOptions | undefined }): SELinuxOptions | undefined => context.seLinuxOptions
    const isSet = (text: string | undefined): boolean => text !== undefined && text !== ''
    const hasBadType = ({ type = '' }: SELinuxOptions): boolean => !types.includes(type)
    const bad = badSetters(
      pod,
      { pod: read, container: read },
      (options) => hasBadType(options) || isSet(options.user) || isSet(options.role),
    )
    if (bad === undefined) return undefined
    const badTypes = sortedUnique(bad.values.filter(hasBadType).map(({ type = '' }) => type))
    const problems = badTypes.length === 0 ? [] : [`${plural('type', badTypes.length)} ${quoted(badTypes)}`]
    if (bad.values.some(({ user }) => isSet(user))) problems.push('user may not be set')
    if (bad.values.some(({ role }) => isSet(role))) problems.push('role may not be set')
    return { reason: 'seLinuxOptions', detail: `${bad.who} set forbidden securityContext.seLinuxOptions: ${problems.join('; ')}` }
  }
}

function sysctls(allowed: readonly string[]): CheckPod {
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name))
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') }
  }
}

const windowsHostProcess: CheckPod = (pod) => {
  const read = (context: { readonly windowsOptions?: { readonly hostProcess?: boolean | undefined } | undefined }): boolean | undefined =>
    context.windowsOptions?.hostProcess
  const bad = badSetters(pod, { pod: read, container: read }, (value) => value)
  if (bad === undefined) return undefined
  return { reason: 'hostProcess', detail: `${bad.who} must not set securityContext.windowsOptions.hostProcess=true` }
}

function uses(names: readonly string[]): string {
  return names.length === 1 ? 'uses' : 'use'
}

const check = (id: string, ...versions: readonly (readonly [number, CheckPod])[]): Check => ({
  id,
  level: 'baseline',
  versions: versions.map(([since, run]) => ({ since, run })),
})

/** Known ways out of a container. In the order of their identifiers. Source: Kubernetes documentation, Pod Security Standards. */
export const BASELINE_CHECKS: readonly Check[] = [
  check('appArmorProfile', [0, appArmor]),
  check('capabilities_baseline', [0, capabilities]),
  check('hostNamespaces', [0, hostNamespaces]),
  check('hostPathVolumes', [0, hostPaths]),
  check('hostPorts', [0, hostPorts]),
  check('hostProbesAndHostLifecycle', [34, probeHosts]),
  check('privileged', [0, privileged]),
  check('procMount', [0, procMount], [35, (pod) => (hasOwnUsers(pod) ? undefined : procMount(pod))]),
  check('seLinuxOptions', [0, seLinux(SELINUX_TYPES)], [31, seLinux([...SELINUX_TYPES, 'container_engine_t'])]),
  check('seccompProfile_baseline', [0, seccompAnnotations], [19, seccompProfiles]),
  check('sysctls', [0, sysctls(SYSCTLS)], [27, sysctls(SYSCTLS_27)], [29, sysctls(SYSCTLS_29)], [32, sysctls(SYSCTLS_32)]),
  check('windowsHostProcess', [0, windowsHostProcess]),
]
