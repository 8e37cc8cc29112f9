import type { Container, ObjectFieldSelector, Pod, ResourceFieldSelector } from '../../api/types/core-v1.ts'
import { parseQuantity, type Quantity } from '../../meta/quantity.ts'

/** What the node adds to a pod's own facts. */
export interface NodeFacts {
  readonly nodeName: string
  readonly hostIps: readonly string[]
  /** Allocatable resources by name: the limit of a container that has none. */
  readonly allocatable: Readonly<Record<string, string>>
}

/**
 * Value of a downward API field for environment variables and volume files; undefined for a path that does not exist.
 * Source: Kubernetes docs, downward API.
 */
export function fieldValue(pod: Pod, selector: ObjectFieldSelector, node: NodeFacts): string | undefined {
  const { metadata, spec, status } = pod
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(selector.fieldPath)
  if (keyed !== null) return metadata[keyed[1] === 'labels' ? 'labels' : 'annotations']?.[keyed[2] ?? ''] ?? ''
  switch (selector.fieldPath) {
    case 'metadata.name':
      return metadata.name
    case 'metadata.namespace':
      return metadata.namespace ?? ''
    case 'metadata.uid':
      return metadata.uid
    case 'metadata.labels':
      return formatMap(metadata.labels)
    case 'metadata.annotations':
      return formatMap(metadata.annotations)
    case 'spec.nodeName':
      return node.nodeName
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? ''
    case 'spec.restartPolicy':
      return spec.restartPolicy ?? ''
    case 'status.hostIP':
      return node.hostIps[0] ?? ''
    case 'status.hostIPs':
      return node.hostIps.join(',')
    case 'status.podIP':
      return status.podIP ?? ''
    case 'status.podIPs':
      return (status.podIPs ?? []).map((entry) => entry.ip).join(',')
    case 'status.phase':
      return status.phase ?? ''
    default:
      return undefined
  }
}

/** `key="value"` lines by key, with quotes and line breaks escaped. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n')
}

/** Value of a container's resource divided and rounded up; undefined when container or resource are unknown. Without a limit the node's allocatable counts. */
export function resourceValue(pod: Pod, selector: ResourceFieldSelector, node: NodeFacts, ownContainer?: string): string | undefined {
  const name = selector.containerName ?? ownContainer
  const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((candidate) => candidate.name === name)
  const [kind, resource] = splitResource(selector.resource)
  if (container === undefined || kind === undefined || resource === undefined) return undefined
  return divide(quantityFor(container, kind, resource, node), selector.divisor)
}

function splitResource(text: string): readonly [('limits' | 'requests') | undefined, string | undefined] {
  const match = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(text)
  return match === null ? [undefined, undefined] : [match[1] as 'limits' | 'requests', match[2]]
}

function quantityFor(container: Container, kind: 'limits' | 'requests', resource: string, node: NodeFacts): Quantity {
  const own = container.resources[kind]?.[resource]
  if (own !== undefined) return parseQuantity(own)
  return parseQuantity(kind === 'limits' ? (node.allocatable[resource] ?? '0') : '0')
}

function divide(quantity: Quantity, divisor: string | undefined): string {
  const by = divisor === undefined || divisor === '0' || divisor === '' ? parseQuantity('1') : parseQuantity(divisor)
  return String((quantity.nano + by.nano - 1n) / by.nano)
}
