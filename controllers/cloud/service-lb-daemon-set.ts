import type { DaemonSet } from '../../core/api/types/apps-v1.ts'
import type { Container, EnvVar, Service, ServicePort, Toleration } from '../../core/api/types/core-v1.ts'
import type { Draft } from '../../core/meta/object.ts'
import {
  daemonSetName,
  isLocal,
  NODE_SELECTOR_LABEL,
  PRIORITY_ANNOTATION,
  SERVICE_ACCOUNT,
  SERVICE_NAME_LABEL,
  SERVICE_NAMESPACE_LABEL,
  type ServiceLbSettings,
} from './service-lb-names.ts'
import type { Placement } from './service-lb-placement.ts'

const RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges'
const DEFAULT_PRIORITY_CLASS = 'system-node-critical'
const ALL_IPV4 = '0.0.0.0/0'
const ALL_IPV6 = '::/0'

const TOLERATIONS: readonly Toleration[] = [
  { key: 'node-role.kubernetes.io/master', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'CriticalAddonsOnly', operator: 'Exists' },
]

export interface DaemonSetInput {
  readonly service: Service
  readonly settings: ServiceLbSettings
  readonly placement: Placement
  /** Of the Service's annotation, besides those every load balancer has. */
  readonly tolerations: readonly Toleration[]
}

/** One pod a node with one container a port, which takes the host's port and forwards it. Source: K3s docs; klipper-lb's contract. */
export function buildDaemonSet({ service, settings, placement, tolerations }: DaemonSetInput): Draft<DaemonSet> {
  const name = daemonSetName(service)
  const labels = { [SERVICE_NAME_LABEL]: service.metadata.name, [SERVICE_NAMESPACE_LABEL]: service.metadata.namespace ?? '' }
  const ranges = sourceRanges(service)
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name, namespace: settings.namespace, labels: { ...labels, [NODE_SELECTOR_LABEL]: String(placement.isAllowList) } },
    spec: {
      selector: { matchLabels: { app: name } },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      template: {
        metadata: { labels: { ...labels, app: name } },
        spec: {
          serviceAccountName: SERVICE_ACCOUNT,
          automountServiceAccountToken: false,
          priorityClassName: service.metadata.annotations?.[PRIORITY_ANNOTATION] ?? settings.priorityClassName ?? DEFAULT_PRIORITY_CLASS,
          securityContext: { sysctls: sysctlsFor(service) },
          tolerations: [...TOLERATIONS, ...tolerations],
          ...placement.constraints,
          containers: (service.spec.ports ?? []).map((port) => buildContainer(port, { service, image: settings.image, ranges })),
        },
      },
    },
  }
}

function sysctlsFor({ spec }: Service): readonly { readonly name: string; readonly value: string }[] {
  return (spec.ipFamilies ?? []).map((family) => ({
    name: family === 'IPv6' ? 'net.ipv6.conf.all.forwarding' : 'net.ipv4.ip_forward',
    value: '1',
  }))
}

/** Sorted, comma-separated. The default allows everybody, in every family of the Service. */
export function sourceRanges({ metadata, spec }: Service): string {
  const given = spec.loadBalancerSourceRanges ?? []
  const all = given.length > 0 ? given : (metadata.annotations?.[RANGES_ANNOTATION] ?? '').split(',')
  const ranges = [...new Set(all.map((range) => range.trim()))].filter((range) => range !== '').sort()
  const isOpen = ranges.length === 0 || (ranges.length === 1 && ranges[0] === ALL_IPV4)
  if (!isOpen) return ranges.join(',')
  return spec.ipFamilies?.includes('IPv6') === true ? `${ALL_IPV4},${ALL_IPV6}` : ALL_IPV4
}

interface ContainerInput {
  readonly service: Service
  readonly image: string
  readonly ranges: string
}

function buildContainer(port: ServicePort, { service, image, ranges }: ContainerInput): Draft<Container> {
  const protocol = port.protocol ?? 'TCP'
  const name = `lb-${protocol.toLowerCase()}-${String(port.port)}`
  return {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    ports: [{ name, containerPort: port.port, hostPort: port.port, protocol }],
    env: [
      { name: 'SRC_PORT', value: String(port.port) },
      { name: 'SRC_RANGES', value: ranges },
      { name: 'DEST_PROTO', value: protocol },
      ...destination(port, service),
    ],
    securityContext: { capabilities: { add: ['NET_ADMIN'] } },
  }
}

/** With the Local policy traffic takes the node's own port, where no other node is asked; without node ports there is none. */
function destination(port: ServicePort, service: Service): readonly EnvVar[] {
  const nodePort = port.nodePort ?? 0
  if (isLocal(service) && nodePort !== 0) {
    return [
      { name: 'DEST_PORT', value: String(nodePort) },
      { name: 'DEST_IPS', valueFrom: { fieldRef: { fieldPath: 'status.hostIPs' } } },
    ]
  }
  return [
    { name: 'DEST_PORT', value: String(port.port) },
    { name: 'DEST_IPS', value: (service.spec.clusterIPs ?? []).join(',') },
  ]
}
