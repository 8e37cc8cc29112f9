import { StatusError } from '../../core/meta/status-error.ts'
import { GROUP_PATH } from './description.ts'
import type { IncludeObject } from './documents.ts'

/** What a request is about, from its method and URL alone. */
export interface Question {
  readonly path: string
  /** Kubernetes' word for it. */
  readonly verb: string
  /** False for what changes or watches. */
  readonly reads: boolean
  /** Undefined: a path that is no resource. */
  readonly target: Target | undefined
}

export interface Target {
  readonly resource: 'nodes' | 'pods'
  /** Empty: all of them. */
  readonly namespace: string
  readonly name: string
}

/** Throws StatusError NotFound for resources that there are not. */
export function questionOf(method: string, { pathname: path, searchParams: query }: URL): Question {
  const target = targetOf(path)
  const gets = method === 'GET' || method === 'HEAD'
  if (!gets) return { path, verb: method.toLowerCase(), reads: false, target }
  if (target === undefined || target.name !== '') return { path, verb: 'get', reads: true, target }
  const watches = !['false', '0'].includes(query.get('watch') ?? 'false')
  return { path, verb: watches ? 'watch' : 'list', reads: !watches, target }
}

const NODES = /^nodes(?:\/([^/]+))?\/?$/
const PODS = /^(?:namespaces\/([^/]+)\/)?pods(?:\/([^/]+))?\/?$/

function targetOf(path: string): Target | undefined {
  if (!path.startsWith(`${GROUP_PATH}/`) || path === `${GROUP_PATH}/`) return undefined
  const rest = path.slice(GROUP_PATH.length + 1)
  const node = NODES.exec(rest)
  if (node !== null) return { resource: 'nodes', namespace: '', name: decoded(node[1]) }
  const pod = PODS.exec(rest)
  if (pod === null || (pod[1] === undefined && pod[2] !== undefined))
    throw new StatusError('NotFound', 'the server could not find the requested resource')
  return { resource: 'pods', namespace: decoded(pod[1]), name: decoded(pod[2]) }
}

function decoded(part = ''): string {
  try {
    return decodeURIComponent(part)
  } catch {
    // A broken escape names nothing: the lookup with the raw text finds nothing.
    return part
  }
}

/** `Plain`: the objects themselves; else a table with so much of each object. */
export type Form = IncludeObject | 'Plain'

/** The first form of an Accept header that there is. Throws StatusError NotAcceptable. */
export function formOf(accept = '', query: URLSearchParams = new URLSearchParams()): Form {
  if (accept === '') return 'Plain'
  for (const clause of accept.toLowerCase().split(',')) {
    if (!/^\s*(?:\*\/\*|application\/(?:\*|json))\s*(?:;|$)/.test(clause)) continue
    if (/;\s*as=table/.test(clause)) return includeOf(query.get('includeObject'))
    if (!/;\s*as=/.test(clause)) return 'Plain'
  }
  throw new StatusError('NotAcceptable', 'only the following media types are accepted: application/json')
}

function includeOf(value: string | null): IncludeObject {
  return value === 'None' || value === 'Object' ? value : 'Metadata'
}
