import { createHash } from 'node:crypto'
import type { ResourceDef } from '../resources/resource-def.ts'
import { type ApiGroup, type ApiVersion, subresourcesOf } from './catalog.ts'

/** Media type parameters a client asks for, and the content type of the answer. */
export const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** Ready bytes with the entity tag that is their SHA-512. */
export interface TaggedBody {
  readonly body: Buffer
  readonly etag: string
}

/** Everything about the groups in one document. Source: apidiscovery.k8s.io/v2, APIGroupDiscoveryList. */
export function aggregatedList(groups: readonly ApiGroup[]): TaggedBody {
  const list = { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items: groups.map(groupItem) }
  const body = Buffer.from(`${JSON.stringify(list)}\n`)
  return { body, etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"` }
}

function groupItem({ name, versions }: ApiGroup): object {
  return { metadata: { ...(name !== '' && { name }), creationTimestamp: null }, versions: versions.map(versionItem) }
}

function versionItem({ version, resources, remote }: ApiVersion): object {
  if (remote !== undefined) return { version, resources: remote.resources, freshness: remote.available ? 'Current' : 'Stale' }
  return { version, resources: resources.map(resourceItem), freshness: 'Current' }
}

function resourceItem(def: ResourceDef): object {
  const subresources = subresourcesOf(def).map(({ name, kind, verbs }) => ({ subresource: name, responseKind: kind, verbs }))
  return {
    resource: def.resource,
    responseKind: { group: def.group, version: def.version, kind: def.kind },
    scope: def.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: def.singular,
    verbs: def.verbs,
    ...(def.shortNames.length > 0 && { shortNames: def.shortNames }),
    ...(def.categories.length > 0 && { categories: def.categories }),
    ...(subresources.length > 0 && { subresources }),
  }
}
