import type { Pod } from '../../../api/types/core-v1.ts'

/** Source: Kubernetes documentation, "Using sysctls in a Kubernetes Cluster", safe set. */
const SAFE = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
  // K3s allows these two for its service load balancer.
  'net.ipv4.ip_forward',
  'net.ipv6.conf.all.forwarding',
])

/** Undefined when all of the pod's sysctls are allowed on this node, else the reason for turning the pod away. */
export function forbiddenSysctl(pod: Pod, allowedUnsafe: readonly string[]): string | undefined {
  for (const { name: raw } of pod.spec.securityContext?.sysctls ?? []) {
    const name = raw.replaceAll('/', '.')
    if (SAFE.has(name) || allowedUnsafe.some((pattern) => covers(pattern, name))) continue
    return `forbidden sysctl: "${raw}" not allowlisted`
  }
  return undefined
}

const covers = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern.replaceAll('/', '.') === name
