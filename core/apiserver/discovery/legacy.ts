import { apiVersionOf } from '../../meta/resource-type.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import { type ApiGroup, type ApiVersion, type Catalog, type GroupVersionKind, subresourcesOf } from './catalog.ts'

/** The documents of unaggregated discovery. Source: meta/v1, APIVersions, APIGroupList, APIGroup, APIResourceList. */

interface Typed {
  readonly kind: string
  readonly apiVersion?: string
}

export function apiVersions(serverAddress: string): Typed {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  } as Typed
}

export function apiGroupList(catalog: Catalog): Typed {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: catalog.groups.filter(({ name }) => name !== '').map(groupBody) } as Typed
}

export function apiGroup(group: ApiGroup): Typed {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(group) }
}

function groupBody({ name, versions }: ApiGroup): object {
  const shown = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: shown, preferredVersion: shown[0] }
}

export function apiResourceList(version: ApiVersion): Typed {
  return {
    kind: 'APIResourceList',
    ...(version.group !== '' && { apiVersion: 'v1' }),
    groupVersion: apiVersionOf(version),
    resources: version.resources.flatMap((def) => [resource(def), ...subresources(def)]),
  } as Typed
}

function resource(def: ResourceDef): object {
  const { shortNames, categories, storageVersionHash } = def
  return {
    name: def.resource,
    singularName: def.singular,
    namespaced: def.namespaced,
    kind: def.kind,
    verbs: def.verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(storageVersionHash !== undefined && { storageVersionHash }),
  }
}

function subresources(def: ResourceDef): readonly object[] {
  return subresourcesOf(def).map(({ name, kind, verbs }) => ({
    name: `${def.resource}/${name}`,
    singularName: '',
    namespaced: def.namespaced,
    ...foreign(def, kind),
    kind: kind.kind,
    verbs,
  }))
}

/** Group and version are shown where they are not those of the list. */
function foreign(def: ResourceDef, kind: GroupVersionKind): object {
  if (kind.group === def.group && kind.version === def.version) return {}
  return { ...(kind.group !== '' && { group: kind.group }), version: kind.version }
}
