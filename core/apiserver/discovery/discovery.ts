import { type Describe, lazyDescriptions } from '../../api/descriptions.ts'
import { encodeProtobuf } from '../../api/protobuf/protobuf.ts'
import { parseAccept } from '../output/accept.ts'
import { MEDIA_TYPES, negotiate } from '../output/form.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import { jsonValueResponse } from '../response.ts'
import { AGGREGATED_TYPE, aggregatedList, type TaggedBody } from './aggregated.ts'
import { type Catalog, catalogOf, findVersion, type RemoteVersion } from './catalog.ts'
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './legacy.ts'
import { OpenApi } from './openapi/serve.ts'

/** What `/version` answers. Source: apimachinery, version.Info. */
export interface VersionInfo {
  readonly major: string
  readonly minor: string
  /** The release whose behaviour is shown, and the oldest that servers beside this one may have. */
  readonly emulationMajor: string
  readonly emulationMinor: string
  readonly minCompatibilityMajor: string
  readonly minCompatibilityMinor: string
  readonly gitVersion: string
  readonly gitCommit: string
  readonly gitTreeState: string
  readonly buildDate: string
  readonly goVersion: string
  readonly compiler: string
  readonly platform: string
}

export interface DiscoveryDeps {
  /** Everything that is served now, custom kinds included. Documents are made anew when its elements change. */
  readonly resources: () => readonly ResourceDef[]
  /** Group versions of extension servers; compared by element like `resources`. Default none. */
  readonly remote?: () => readonly RemoteVersion[]
  readonly version: VersionInfo
  /** `host:port` that clients may use. */
  readonly serverAddress: string
  readonly nowMs: () => number
  /** Default: the file that the build makes. */
  readonly describe?: Describe
}

/** Answers discovery, version and OpenAPI paths; undefined for every other path and method. Throws StatusError NotAcceptable. */
export type Discovery = (request: ApiRequest) => ApiResponse | undefined

interface State {
  readonly resources: readonly ResourceDef[]
  readonly remote: readonly RemoteVersion[]
  readonly catalog: Catalog
  readonly openApi: OpenApi
  readonly aggregated: Map<'api' | 'apis', TaggedBody>
}

/** Source: shared wire facts, Discovery and OpenAPI. */
export function createDiscovery(deps: DiscoveryDeps): Discovery {
  const documents = { describe: deps.describe ?? lazyDescriptions(), gitVersion: deps.version.gitVersion, nowMs: deps.nowMs }
  let state: State | undefined
  const current = (): State => {
    const resources = deps.resources()
    const remote = deps.remote?.() ?? NONE
    if (state === undefined || !isSame(state.resources, resources) || !isSame(state.remote, remote)) {
      const catalog = catalogOf(resources, remote)
      state = { resources: [...resources], remote: [...remote], catalog, openApi: new OpenApi(catalog, documents), aggregated: new Map() }
    }
    return state
  }
  return (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
    const [root = '', ...rest] = request.path.split('/').filter((part) => part !== '')
    if (root === 'version' && rest.length === 0) return jsonValueResponse(200, deps.version)
    if (root === 'openapi') return openApiResponse(current(), rest, request)
    if (root === 'api' && rest.length <= 1) return legacyCore(current(), rest, request, deps.serverAddress)
    return root === 'apis' && rest.length <= 2 ? groups(current(), rest, request) : undefined
  }
}

const NONE: readonly RemoteVersion[] = []

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a === b || (a.length === b.length && a.every((entry, index) => entry === b[index]))
}

function openApiResponse({ openApi }: State, [kind, ...path]: readonly string[], request: ApiRequest): ApiResponse | undefined {
  if (kind === 'v2' && path.length === 0) return openApi.version2(request)
  if (kind !== 'v3') return undefined
  return path.length === 0 ? openApi.index() : openApi.document(path.join('/'), request)
}

function legacyCore(state: State, [version]: readonly string[], request: ApiRequest, serverAddress: string): ApiResponse | undefined {
  if (version !== undefined) return resourceList(state, '', version, request)
  if (wantsAggregated(request)) return aggregated(state, 'api', request)
  return document(request, apiVersions(serverAddress))
}

function groups(state: State, [name, version]: readonly string[], request: ApiRequest): ApiResponse | undefined {
  if (name === undefined) {
    return wantsAggregated(request) ? aggregated(state, 'apis', request) : document(request, apiGroupList(state.catalog))
  }
  if (version !== undefined) return resourceList(state, name, version, request)
  const group = state.catalog.groups.find((entry) => entry.name === name)
  return group === undefined ? undefined : document(request, apiGroup(group))
}

function resourceList(state: State, group: string, version: string, request: ApiRequest): ApiResponse | undefined {
  const found = findVersion(state.catalog, group, version)
  return found === undefined || found.remote !== undefined ? undefined : document(request, apiResourceList(found))
}

/** The first clause the server can answer decides; clients put the aggregated form first. */
function wantsAggregated(request: ApiRequest): boolean {
  for (const { subtype, params } of parseAccept(request.headers['accept'])) {
    const isJson = subtype === 'json' || subtype === '*'
    if (params['as'] === undefined) return false
    if (isJson && params['g'] === 'apidiscovery.k8s.io' && params['v'] === 'v2' && params['as'] === 'APIGroupDiscoveryList') return true
  }
  return false
}

function aggregated(state: State, root: 'api' | 'apis', request: ApiRequest): ApiResponse {
  let list = state.aggregated.get(root)
  if (list === undefined) {
    list = aggregatedList(state.catalog.groups.filter(({ name }) => (name === '') === (root === 'api')))
    state.aggregated.set(root, list)
  }
  const headers = { 'cache-control': 'no-cache, private', 'content-type': AGGREGATED_TYPE, etag: list.etag, vary: 'Accept' }
  if (request.headers['if-none-match'] === list.etag) return { status: 304, headers }
  return { status: 200, headers, body: list.body }
}

function document(request: ApiRequest, value: { readonly kind: string; readonly apiVersion?: string }): ApiResponse {
  const accept = plainClauses(request.headers['accept'])
  const { encoding } = negotiate(accept, { endpoint: 'object', protobuf: true })
  const response = jsonValueResponse(200, value)
  if (encoding !== 'protobuf') return { ...response, headers: { ...response.headers, vary: 'Accept' } }
  const body = encodeProtobuf({ ...value, apiVersion: 'v1' })
  return { status: 200, headers: { ...response.headers, 'content-type': MEDIA_TYPES.protobuf, vary: 'Accept' }, body }
}

/** Forms of aggregated discovery have no meaning for single documents; the rest of the header decides. */
function plainClauses(accept: string | undefined): string | undefined {
  const clauses = accept?.split(',').filter((clause) => !clause.includes('g=apidiscovery.k8s.io'))
  return clauses === undefined || clauses.length > 0 ? clauses?.join(',') : accept
}
