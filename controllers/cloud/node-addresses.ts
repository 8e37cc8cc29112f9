import type { Node, NodeAddress } from '../../core/api/types/core-v1.ts'

/** What an agent tells about its node; labels of the same names are read where the annotation is absent. Source: K3s docs, agent. */
const SOURCES: readonly (readonly [key: string, type: string])[] = [
  ['k3s.io/internal-ip', 'InternalIP'],
  ['k3s.io/external-ip', 'ExternalIP'],
  ['k3s.io/hostname', 'Hostname'],
  ['k3s.io/internal-dns', 'InternalDNS'],
  ['k3s.io/external-dns', 'ExternalDNS'],
]

/**
 * The addresses a node is to have, in the order of its annotations; undefined while its agent has not said under which
 * address it is reached. A Hostname the kubelet has set stays when no annotation names one.
 */
export function planAddresses(node: Node): readonly NodeAddress[] | undefined {
  const told = SOURCES.flatMap(([key, type]) => valuesOf(node, key).map((address) => ({ type, address })))
  if (!told.some(({ type }) => type === 'InternalIP')) return undefined
  const hasHostname = told.some(({ type }) => type === 'Hostname')
  const kept = hasHostname ? [] : (node.status.addresses ?? []).filter(({ type }) => type === 'Hostname')
  return unique([...told, ...kept.map(({ type, address }) => ({ type, address }))])
}

function valuesOf({ metadata }: Node, key: string): readonly string[] {
  const annotation = metadata.annotations?.[key] ?? ''
  const text = annotation === '' ? (metadata.labels?.[key] ?? '') : annotation
  return text
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '')
}

function unique(addresses: readonly NodeAddress[]): readonly NodeAddress[] {
  const byText = new Map(addresses.map((address) => [`${address.type} ${address.address}`, address]))
  return [...byText.values()]
}
