import type { KubeObject } from '../meta/object.ts'
import { apiVersionOf, type ResourceType, resourceType } from '../meta/resource-type.ts'
import { DISCOVERY_TYPE, JSON_TYPE } from './media-types.ts'
import { parseBody, toStatusError } from './response.ts'
import type { Transport } from './transport.ts'

/** A resource the server offers, in the version it prefers. */
export interface DiscoveredResource {
  readonly type: ResourceType<KubeObject>
  readonly verbs: readonly string[]
}

export interface Discovered {
  readonly resources: readonly DiscoveredResource[]
  /** Group versions that are announced and do not answer, such as those of a broken aggregated API. */
  readonly failed: readonly string[]
}

/** What the server serves at this moment. Throws StatusError when it does not answer at all. */
export interface Discovery {
  resources(signal: AbortSignal): Promise<Discovered>
}

interface AggregatedList {
  readonly kind?: string
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string }
    readonly versions?: readonly {
      readonly version: string
      readonly freshness?: string
      readonly resources?: readonly {
        readonly resource: string
        readonly responseKind?: { readonly kind?: string }
        readonly scope?: string
        readonly verbs?: readonly string[]
      }[]
    }[]
  }[]
}

interface GroupList {
  readonly groups?: readonly { readonly name: string; readonly versions: readonly { readonly version: string }[] }[]
}

interface PlainResources {
  readonly resources?: readonly {
    readonly name: string
    readonly kind: string
    readonly namespaced: boolean
    readonly verbs?: readonly string[]
  }[]
}

interface GroupVersion {
  readonly group: string
  readonly version: string
  readonly resources: readonly DiscoveredResource[]
  readonly failed: boolean
}

/** Uses aggregated discovery, and the older form one group version at a time where the server has no other. */
export function createDiscovery(transport: Transport, userAgent = 'k3ts'): Discovery {
  const get = async <T>(path: string, accept: string, signal: AbortSignal): Promise<T> => {
    const answer = await transport.request({ method: 'GET', path, headers: { accept, 'user-agent': userAgent } }, signal)
    if (answer.status >= 400) throw toStatusError(answer.status, answer.body, answer.headers)
    return parseBody<T>(answer.body)
  }
  const plain = async (group: string, version: string, signal: AbortSignal): Promise<GroupVersion> => {
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
    try {
      return fromPlain(group, version, await get<PlainResources>(path, JSON_TYPE, signal))
    } catch (err) {
      signal.throwIfAborted()
      if (group === '') throw err
      return { group, version, resources: [], failed: true }
    }
  }
  const groupsAt = async (path: string, signal: AbortSignal): Promise<readonly GroupVersion[]> => {
    const answer = await get<AggregatedList & GroupList>(path, DISCOVERY_TYPE, signal)
    if (answer.kind === 'APIGroupDiscoveryList') return fromAggregated(answer)
    if (path === '/api') return [await plain('', 'v1', signal)]
    const versions = (answer.groups ?? []).flatMap((group) => group.versions.map(({ version }) => ({ group: group.name, version })))
    return Promise.all(versions.map(({ group, version }) => plain(group, version, signal)))
  }
  return {
    resources: async (signal) => {
      const groups = (await Promise.all([groupsAt('/api', signal), groupsAt('/apis', signal)])).flat()
      const failed = groups.filter((group) => group.failed).map(({ group, version }) => `${group}/${version}`)
      return { resources: preferred(groups), failed }
    },
  }
}

function fromAggregated(list: AggregatedList): readonly GroupVersion[] {
  return (list.items ?? []).flatMap((item) =>
    (item.versions ?? []).map(({ version, freshness, resources = [] }) => {
      const group = item.metadata?.name ?? ''
      return {
        group,
        version,
        failed: freshness === 'Stale',
        resources: resources.map(({ resource, responseKind, scope, verbs = [] }) => ({
          type: resourceType<KubeObject>(apiVersionOf({ group, version }), resource, responseKind?.kind ?? '', scope === 'Namespaced'),
          verbs,
        })),
      }
    }),
  )
}

function fromPlain(group: string, version: string, list: PlainResources): GroupVersion {
  const resources = (list.resources ?? [])
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, verbs = [] }) => ({
      type: resourceType<KubeObject>(apiVersionOf({ group, version }), name, kind, namespaced),
      verbs,
    }))
  return { group, version, resources, failed: false }
}

/** Servers list versions by preference: the first that has a resource wins. */
function preferred(groups: readonly GroupVersion[]): readonly DiscoveredResource[] {
  const chosen = new Map<string, DiscoveredResource>()
  for (const { group, resources } of groups) {
    for (const found of resources) {
      const id = `${group}/${found.type.resource}`
      if (!chosen.has(id)) chosen.set(id, found)
    }
  }
  return [...chosen.values()]
}
