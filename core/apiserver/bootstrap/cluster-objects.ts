import ipaddr from 'ipaddr.js'
import { toTimestamp } from '../../runtime/clock.ts'
import type { BootstrapObject } from './rbac/form.ts'

/** What the objects of a new cluster depend on. */
export interface BootstrapSettings {
  /** First address is the `kubernetes` service's own. */
  readonly serviceCidr: string
  /** Addresses of all API servers, as clients inside the cluster reach them. */
  readonly apiServerAddresses: readonly string[]
  readonly apiServerPort: number
  /** PEM text others verify client certificates and the front proxy with. */
  readonly clientCaPem: string
  readonly requestHeaderCaPem: string
  readonly requestHeaderAllowedNames: readonly string[]
}

export const SYSTEM_NAMESPACES = ['kube-system', 'kube-public', 'kube-node-lease', 'default'] as const

export function namespaceObjects(): readonly BootstrapObject[] {
  return SYSTEM_NAMESPACES.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))
}

/** The two classes that keep system pods from being preempted. */
export function priorityClassObjects(): readonly BootstrapObject[] {
  const make = (name: string, value: number, description: string): BootstrapObject => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    preemptionPolicy: 'PreemptLowerPriority',
    description,
  })
  return [
    make('system-node-critical', 2_000_001_000, 'Used for system critical pods that must not be moved from their current node.'),
    make(
      'system-cluster-critical',
      2_000_000_000,
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
    ),
  ]
}

/** `10.43.0.1` of `10.43.0.0/16`: the address of the `kubernetes` service. */
export function firstServiceAddress(serviceCidr: string): string {
  const [network] = ipaddr.parseCIDR(serviceCidr)
  const bytes = network.toByteArray()
  const last = bytes.length - 1
  return ipaddr.fromByteArray(bytes.map((byte, at) => (at === last ? byte + 1 : byte))).toString()
}

export function serviceCidrObject({ serviceCidr }: BootstrapSettings): BootstrapObject {
  const metadata = { name: 'kubernetes', finalizers: ['networking.k8s.io/service-cidr-finalizer'] }
  return { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata, spec: { cidrs: [serviceCidr] } }
}

export function readyCondition(nowMs: number): object {
  return {
    type: 'Ready',
    status: 'True',
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime: toTimestamp(nowMs),
  }
}

/** Takes the first address of the service network. */
export function kubernetesService({ serviceCidr, apiServerPort }: BootstrapSettings): BootstrapObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      type: 'ClusterIP',
      clusterIP: firstServiceAddress(serviceCidr),
      ipFamilyPolicy: 'SingleStack',
      sessionAffinity: 'None',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: apiServerPort }],
    },
  }
}

/** Endpoints and their slice; made by the server itself since the service has no selector. */
export function kubernetesEndpoints({ apiServerAddresses, apiServerPort }: BootstrapSettings): readonly BootstrapObject[] {
  const addresses = [...apiServerAddresses].sort()
  const ports = [{ name: 'https', port: apiServerPort, protocol: 'TCP' }]
  return [
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'kubernetes', namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets: [{ addresses: addresses.map((ip) => ({ ip })), ports }],
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: ipaddr.parse(addresses[0] ?? '127.0.0.1').kind() === 'ipv6' ? 'IPv6' : 'IPv4',
      endpoints: addresses.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
      ports,
    },
  ]
}

/** What extension API servers read to authenticate requests that this server hands on to them. */
export function authenticationConfigMap(settings: BootstrapSettings): BootstrapObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data: {
      'client-ca-file': settings.clientCaPem,
      'requestheader-allowed-names': JSON.stringify(settings.requestHeaderAllowedNames),
      'requestheader-client-ca-file': settings.requestHeaderCaPem,
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-username-headers': '["X-Remote-User"]',
    },
  }
}

/** Since when uses of tokens kept in Secrets are tracked. */
export function tokenTrackingConfigMap(nowMs: number): BootstrapObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' },
    data: { since: new Date(nowMs).toISOString().slice(0, 10) },
  }
}
