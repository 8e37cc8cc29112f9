import { GROUP_VERSIONS } from '../../api/kind-table.ts'
import type { ResourceDef, SubresourceDef } from '../resources/resource-def.ts'
import { compareVersions } from './version-order.ts'

/** What is served, in the order that discovery shows it. */
export interface Catalog {
  /** The legacy group `` first, when it is served. */
  readonly groups: readonly ApiGroup[]
}

export interface ApiGroup {
  readonly name: string
  /** Preferred version first. */
  readonly versions: readonly ApiVersion[]
}

export interface ApiVersion {
  readonly group: string
  readonly version: string
  /** By name. Empty for versions that another server serves. */
  readonly resources: readonly ResourceDef[]
  readonly remote?: RemoteVersion
}

/** A group version behind an APIService with a service: this server lists it and leaves its paths to whoever proxies them. */
export interface RemoteVersion {
  readonly group: string
  readonly version: string
  readonly groupPriorityMinimum: number
  readonly versionPriority: number
  /** Entries of apidiscovery.k8s.io/v2, APIResourceDiscovery, as that server gave them last. */
  readonly resources: readonly Readonly<Record<string, unknown>>[]
  /** False while that server does not answer. */
  readonly available: boolean
  readonly openApi?: RemoteOpenApi
}

/** What an extension server publishes of its group version in OpenAPI. */
export interface RemoteOpenApi {
  /** Where its version 3 document is, with its hash; it is fetched from there at each request. */
  readonly v3Url?: string
  /** Its part of the one version 2 document. */
  readonly v2?: { readonly paths: Readonly<Record<string, unknown>>; readonly definitions: Readonly<Record<string, unknown>> }
}

export interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** Groups and versions of custom kinds come after the built-in ones. Source: kube-apiserver, crdRegistration. */
const CUSTOM_GROUP_PRIORITY = 1000
const CUSTOM_VERSION_PRIORITY = 100
/** The group that registers all others; it has no priority of its own and stands first. */
const FIRST = Number.MAX_SAFE_INTEGER

/** A remote server stands in front of what is served here under the same group version, as its requests go there. */
export function catalogOf(resources: readonly ResourceDef[], remote: readonly RemoteVersion[] = []): Catalog {
  const byVersion = Map.groupBy(resources, (def) => `${def.group}/${def.version}`)
  for (const { group, version } of remote) byVersion.delete(`${group}/${version}`)
  const versions = [...[...byVersion.values()].map(versionOf), ...remote.map(remoteVersion)]
  const groups = [...Map.groupBy(versions, (version) => version.group)].map(([name, members]) => ({
    name,
    versions: members.toSorted(compareByPriority),
  }))
  return { groups: groups.sort((a, b) => groupPriority(b) - groupPriority(a) || (a.name < b.name ? -1 : 1)) }
}

function remoteVersion(remote: RemoteVersion): ApiVersion {
  return { group: remote.group, version: remote.version, resources: [], remote }
}

function versionOf(defs: readonly ResourceDef[]): ApiVersion {
  const [{ group, version } = { group: '', version: '' }] = defs
  return { group, version, resources: defs.toSorted((a, b) => (a.resource < b.resource ? -1 : 1)) }
}

function compareByPriority(a: ApiVersion, b: ApiVersion): number {
  return versionPriority(b) - versionPriority(a) || compareVersions(a.version, b.version)
}

function groupPriority({ name, versions }: ApiGroup): number {
  const entry = GROUP_VERSIONS.find((known) => known.group === name)
  if (entry !== undefined) return entry.groupPriorityMinimum ?? FIRST
  return Math.max(...versions.map(({ remote }) => remote?.groupPriorityMinimum ?? CUSTOM_GROUP_PRIORITY))
}

function versionPriority({ group, version, remote }: ApiVersion): number {
  const entry = GROUP_VERSIONS.find((known) => known.group === group && known.version === version)
  return remote?.versionPriority ?? entry?.versionPriority ?? CUSTOM_VERSION_PRIORITY
}

export function findVersion(catalog: Catalog, group: string, version: string): ApiVersion | undefined {
  return catalog.groups.find(({ name }) => name === group)?.versions.find((entry) => entry.version === version)
}

export interface Subresource {
  readonly name: string
  readonly kind: GroupVersionKind
  readonly verbs: readonly string[]
}

/** Subresources by name, with the kind that goes over the wire. */
export function subresourcesOf(def: ResourceDef): readonly Subresource[] {
  return Object.entries(def.subresources)
    .map(([name, sub]) => ({ name, kind: kindOf(def, sub), verbs: sub.verbs }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function kindOf(def: ResourceDef, sub: SubresourceDef): GroupVersionKind {
  switch (sub.type) {
    case 'object':
      return { group: def.group, version: def.version, kind: def.kind }
    case 'scale':
      return { group: 'autoscaling', version: 'v1', kind: 'Scale' }
    case 'custom':
      return { group: sub.group ?? def.group, version: sub.version ?? def.version, kind: sub.kind }
  }
}
