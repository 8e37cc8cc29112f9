import { lastingContainers } from '../../../api/rules/pod-containers.ts'
import type { Container, Pod } from '../../../api/types/core-v1.ts'
import type { PortMapping, SandboxConfig } from '../../cri/types.ts'
import { sandboxLabels } from '../runtime-labels.ts'
import { type DnsSettings, podDns } from './dns.ts'
import { podHostname } from './hostname.ts'
import { sandboxSecurity } from './security.ts'

export interface SandboxInput {
  readonly pod: Pod
  readonly attempt: number
  readonly cgroupParent: string
  readonly logDirectory: string
  readonly dns: DnsSettings
}

/** What the runtime is asked for as the frame of a pod. Throws Error when the pod's hostname cannot be made. */
export function buildSandboxConfig(input: SandboxInput): SandboxConfig {
  const { pod, attempt } = input
  const { metadata, spec } = pod
  const isHostNetwork = spec.hostNetwork === true
  return {
    metadata: { name: metadata.name, namespace: metadata.namespace ?? 'default', uid: metadata.uid, attempt },
    // The host's own name stays in the host's network; runtimes refuse another.
    hostname: isHostNetwork ? '' : podHostname(pod, input.dns.clusterDomain).hostname,
    logDirectory: input.logDirectory,
    dnsConfig: podDns(pod, input.dns).config,
    portMappings: isHostNetwork ? [] : portMappings(pod),
    labels: sandboxLabels(pod),
    annotations: { ...metadata.annotations },
    linux: {
      cgroupParent: input.cgroupParent,
      securityContext: sandboxSecurity(pod),
      sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name.replaceAll('/', '.'), value])),
    },
  }
}

function portMappings(pod: Pod): readonly PortMapping[] {
  return lastingContainers(pod.spec).flatMap(mappingsOf)
}

function mappingsOf(container: Container): readonly PortMapping[] {
  return (container.ports ?? [])
    .filter(({ hostPort = 0 }) => hostPort > 0)
    .map(({ protocol, containerPort, hostPort = 0, hostIP }) => ({
      protocol: protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP',
      containerPort,
      hostPort,
      hostIp: hostIP ?? '',
    }))
}
