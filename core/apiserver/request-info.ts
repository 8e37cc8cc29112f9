/** What a request is about, from its method, path and query alone. Source: apiserver, endpoints/request/requestinfo.go. */
export type RequestInfo = ResourceRequest | PathRequest

export interface ResourceRequest {
  readonly kind: 'resource'
  /** get, list, watch, create, update, patch, delete, deletecollection. */
  readonly verb: string
  readonly group: string
  readonly version: string
  /** Empty for `/api/v1` style paths that name no resource. */
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** What follows the subresource, with its slashes, for proxied paths; empty otherwise. */
  readonly rest: string
}

export interface PathRequest {
  readonly kind: 'path'
  /** The HTTP method in lower case. */
  readonly verb: string
  readonly path: string
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** Sub-parts of a namespace object; anything else behind `namespaces/x/` is a resource inside that namespace. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])

/** Never throws; what cannot be understood is a path. `query` decides between get, list and watch. */
export function requestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const parts = splitPath(path)
  const [root, ...below] = parts
  if (root === 'api' && below.length >= 2) return resourceInfo(method, '', below, query)
  if (root === 'apis' && below.length >= 3) return resourceInfo(method, below[0] ?? '', below.slice(1), query)
  return { kind: 'path', verb: method.toLowerCase(), path }
}

function resourceInfo(method: string, group: string, below: readonly string[], query: URLSearchParams): ResourceRequest {
  const version = below[0] ?? ''
  let verb = VERBS[method] ?? ''
  let at = 1
  if (below[1] === 'watch' && below.length > 2) {
    verb = 'watch'
    at = 2
  }
  let namespace = ''
  const [first = '', second, third] = [below[at], below[at + 1], below[at + 2]]
  if (first === 'namespaces' && second !== undefined) {
    namespace = decode(second)
    if (third !== undefined && !NAMESPACE_SUBRESOURCES.has(third)) at += 2
  }
  const resource = below[at] ?? first
  const name = decode(below[at + 1] ?? '')
  const info = { kind: 'resource', group, version, resource, namespace, subresource: below[at + 2] ?? '' } as const
  const rest = below.length > at + 3 ? below.slice(at + 3).join('/') : ''
  if (name === '') return { ...info, ...collection(verb, query), rest }
  return { ...info, verb, name, rest }
}

/** A request without a name works on the collection; a field selector on the name still names the object for authorization. */
function collection(verb: string, query: URLSearchParams): { readonly verb: string; readonly name: string } {
  if (verb === 'delete') return { verb: 'deletecollection', name: '' }
  if (verb !== 'get' && verb !== 'watch') return { verb, name: '' }
  const watching = verb === 'watch' || isTrue(query.get('watch'))
  return { verb: watching ? 'watch' : 'list', name: selectedName(query) }
}

/** Go's conversion of a query value: present and neither `false` nor `0`. */
export function isTrue(value: string | null): boolean {
  return value !== null && value.toLowerCase() !== 'false' && value !== '0'
}

const NAME_TERM = /(?:^|,)metadata\.name==?([^,!=\\]+)(?:,|$)/

function selectedName(query: URLSearchParams): string {
  const selector = query.get('fieldSelector')
  return selector === null ? '' : (NAME_TERM.exec(selector)?.[1] ?? '')
}

function splitPath(path: string): string[] {
  let start = 0
  let end = path.length
  while (start < end && path[start] === '/') start += 1
  while (end > start && path[end - 1] === '/') end -= 1
  return start === end ? [] : path.slice(start, end).split('/')
}

function decode(part: string): string {
  if (!part.includes('%')) return part
  try {
    return decodeURIComponent(part)
  } catch {
    // A broken escape names no object: the lookup with the raw text answers 404.
    return part
  }
}
