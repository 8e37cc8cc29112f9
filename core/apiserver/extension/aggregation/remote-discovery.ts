/** One entry of a server's APIResourceList. Source: meta/v1, APIResource. */
interface PlainResource {
  readonly name: string
  readonly singularName?: string
  readonly namespaced?: boolean
  readonly group?: string
  readonly version?: string
  readonly kind: string
  readonly verbs?: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
}

type Entry = Readonly<Record<string, unknown>>

/**
 * A server's APIResourceList as entries of aggregated discovery, in its order. Undefined for anything else: the server then
 * does not serve the group version. Source: kube-aggregator and apidiscovery.k8s.io/v2, APIResourceDiscovery.
 */
export function toDiscoveryEntries(text: string, group: string, version: string): readonly Entry[] | undefined {
  const resources = resourcesOf(text)
  if (resources === undefined) return undefined
  const own = { group, version }
  const known = new Set(resources.filter(({ name }) => !name.includes('/')).map(({ name }) => name))
  const bySubject = Map.groupBy(resources, ({ name }) => name.split('/', 1)[0] ?? '')
  return [...bySubject].map(([resource, list]) => {
    const main = list.find(({ name }) => name === resource)
    const subresources = list.filter((entry) => entry !== main).map((entry) => subresourceEntry(entry, own))
    const shown = subresources.length > 0 && { subresources }
    // A subresource without its resource is still announced, under the scope it has.
    const [first] = list
    if (main === undefined || !known.has(resource)) return { resource, scope: scopeOf(first), ...shown }
    const { kind, singularName = '', verbs = [], shortNames = [], categories = [] } = main
    return {
      resource,
      responseKind: kindOf(main, own, kind),
      scope: scopeOf(main),
      singularResource: singularName,
      verbs,
      ...(shortNames.length > 0 && { shortNames }),
      ...(categories.length > 0 && { categories }),
      ...shown,
    }
  })
}

function resourcesOf(text: string): readonly PlainResource[] | undefined {
  try {
    const { kind, resources } = JSON.parse(text) as { readonly kind?: unknown; readonly resources?: unknown }
    if (kind !== 'APIResourceList' || !Array.isArray(resources)) return undefined
    return (resources as PlainResource[]).filter(({ name, kind: of }) => typeof name === 'string' && typeof of === 'string')
  } catch {
    // Not JSON: another kind of server answers there.
    return undefined
  }
}

interface GroupVersion {
  readonly group: string
  readonly version: string
}

function subresourceEntry(entry: PlainResource, own: GroupVersion): Entry {
  const { name, kind, verbs = [] } = entry
  return { subresource: name.slice(name.indexOf('/') + 1), responseKind: kindOf(entry, own, kind), verbs }
}

/** Group and version stand in an entry only where they are not those of the list. */
function kindOf({ group = '', version = '' }: PlainResource, own: GroupVersion, kind: string): Entry {
  return { group: group === '' && version === '' ? own.group : group, version: version === '' ? own.version : version, kind }
}

function scopeOf(entry: PlainResource | undefined): string {
  return entry?.namespaced === true ? 'Namespaced' : 'Cluster'
}
