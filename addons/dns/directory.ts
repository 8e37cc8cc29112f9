import { endpointSlices, namespaces, pods, services } from '../../core/api/kinds.ts'
import type { InformerFactory } from '../../core/client/informer.ts'
import { objectKey } from '../../core/meta/object.ts'
import type { Directory } from './records.ts'
import { normalAddress } from './reverse.ts'

/** The record source over informers, which must be asked for before their start. */
export interface ClusterDirectory extends Directory {
  readonly synced: () => boolean
  /** Seconds since the epoch of the last change: the SOA serial. */
  readonly serial: () => number
}

/** Follows Services, their slices and namespaces, and with `watchPods` the pods. */
export function clusterDirectory(
  informers: InformerFactory,
  options: { readonly watchPods: boolean; readonly now: () => number },
): ClusterDirectory {
  const serviceCache = informers.informer(services)
  const sliceCache = informers.informer(endpointSlices, { labelSelector: 'kubernetes.io/service-name' })
  const namespaceCache = informers.informer(namespaces, { metadataOnly: true })
  const podCache = options.watchPods ? informers.informer(pods) : undefined
  serviceCache.addIndex('address', ({ spec }) => (spec.clusterIPs ?? []).filter((ip) => ip !== 'None').map(normalAddress))
  sliceCache.addIndex('service', ({ metadata }) => [objectKey(metadata.namespace, metadata.labels?.['kubernetes.io/service-name'] ?? '')])
  sliceCache.addIndex('address', ({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses.map(normalAddress)))
  podCache?.addIndex('address', ({ metadata, status }) =>
    (status.podIPs ?? []).map(({ ip }) => `${metadata.namespace ?? ''}/${normalAddress(ip)}`),
  )
  let changedAtMs = options.now()
  const touch = (): void => {
    changedAtMs = options.now()
  }
  serviceCache.onChange(touch)
  sliceCache.onChange(touch)
  return {
    service: (namespace, name) => serviceCache.get(objectKey(namespace, name)),
    slices: (namespace, name) => sliceCache.byIndex('service', objectKey(namespace, name)),
    hasNamespace: (name) => namespaceCache.get(name) !== undefined,
    servicesByAddress: (address) => serviceCache.byIndex('address', address),
    slicesByAddress: (address) => sliceCache.byIndex('address', address),
    hasPod: (namespace, address) => (podCache?.byIndex('address', `${namespace}/${normalAddress(address)}`).length ?? 0) > 0,
    synced: () => serviceCache.hasSynced && sliceCache.hasSynced && namespaceCache.hasSynced && (podCache?.hasSynced ?? true),
    serial: () => Math.floor(changedAtMs / 1000),
  }
}
