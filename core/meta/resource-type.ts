/**
 * Names one served resource and carries its object type, so that `client.get(pods, …)` returns a Pod.
 * `resource` is the plural that stands in URLs and RBAC rules.
 */
export interface ResourceType<T> {
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly kind: string
  readonly namespaced: boolean
  /** Type carrier only; never set. */
  readonly object?: T
}

/** Builds the token of a resource from `apps/v1` or `v1`; the table of all built-in ones is `core/api/kinds.ts`. */
export function resourceType<T>(apiVersion: string, resource: string, kind: string, namespaced: boolean): ResourceType<T> {
  const slash = apiVersion.indexOf('/')
  return Object.freeze({ group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1), resource, kind, namespaced })
}

/** `v1` for the core group, `group/version` otherwise. */
export function apiVersionOf(type: { readonly group: string; readonly version: string }): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`
}

/** `pods` for the core group, `deployments.apps` otherwise: the form of error messages and CRD names. */
export function groupResourceOf(type: { readonly group: string; readonly resource: string }): string {
  return type.group === '' ? type.resource : `${type.resource}.${type.group}`
}
