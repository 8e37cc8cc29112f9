import type { Dialect, Json } from './definitions.ts'

/** Query parameters by action; their types are those of OpenAPI. Source: Kubernetes API reference, "Common Parameters". */
const LIST_QUERY: Readonly<Record<string, string>> = {
  allowWatchBookmarks: 'boolean',
  continue: 'string',
  fieldSelector: 'string',
  labelSelector: 'string',
  limit: 'integer',
  resourceVersion: 'string',
  resourceVersionMatch: 'string',
  sendInitialEvents: 'boolean',
  timeoutSeconds: 'integer',
  watch: 'boolean',
}
const DELETE_QUERY: Readonly<Record<string, string>> = {
  dryRun: 'string',
  gracePeriodSeconds: 'integer',
  ignoreStoreReadErrorWithClusterBreakingPotential: 'boolean',
  orphanDependents: 'boolean',
  propagationPolicy: 'string',
}
const WRITE_QUERY: Readonly<Record<string, string>> = { dryRun: 'string', fieldManager: 'string', fieldValidation: 'string' }

export type Action = 'list' | 'get' | 'post' | 'put' | 'patch' | 'delete' | 'deletecollection' | 'connect'

const QUERY: Readonly<Record<Action, Readonly<Record<string, string>>>> = {
  list: LIST_QUERY,
  get: {},
  post: WRITE_QUERY,
  put: WRITE_QUERY,
  patch: { ...WRITE_QUERY, force: 'boolean' },
  delete: DELETE_QUERY,
  deletecollection: { ...LIST_QUERY, ...DELETE_QUERY },
  connect: {},
}
/** A deletion of many is not watched. */
const NOT_ON_DELETE: ReadonlySet<string> = new Set(['allowWatchBookmarks', 'watch'])

export function queryParameters(action: Action, dialect: Dialect): readonly Json[] {
  return Object.entries({ ...(action === 'connect' ? {} : { pretty: 'string' }), ...QUERY[action] })
    .filter(([name]) => action !== 'deletecollection' || !NOT_ON_DELETE.has(name))
    .map(([name, type]) => parameter(name, 'query', type, dialect))
}

export function pathParameter(name: string, dialect: Dialect): Json {
  return { ...parameter(name, 'path', 'string', dialect), required: true }
}

function parameter(name: string, place: string, type: string, dialect: Dialect): Json {
  const schema = { type, uniqueItems: true }
  return dialect === 'v3' ? { name, in: place, schema } : { name, in: place, ...schema }
}
