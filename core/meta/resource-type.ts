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

/** Builds the token of a resource; the table of all built-in ones is `core/api/kinds.ts`. */
export function resourceType<T>(group: string, version: string, resource: string, kind: string, namespaced: boolean): ResourceType<T> {
  return Object.freeze({ group, version, resource, kind, namespaced })
}

/** `v1` for the core group, `group/version` otherwise. */
export function apiVersionOf(type: { readonly group: string; readonly version: string }): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`
}

/** `pods` for the core group, `deployments.apps` otherwise: the form of error messages and CRD names. */
export function groupResourceOf(type: { readonly group: string; readonly resource: string }): string {
  return type.group === '' ? type.resource : `${type.resource}.${type.group}`
}
