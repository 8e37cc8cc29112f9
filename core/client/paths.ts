import type { ResourceType } from '../meta/resource-type.ts'

/** Where a request goes: a collection without `name`, an object with it, or one of its subresources. */
export interface Target {
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly subresource?: string | undefined
}

type QueryValue = string | number | boolean | undefined

/**
 * Path with query as it stands on the wire. Undefined, empty and false query values are left out.
 * Source: Kubernetes API concepts, "Resource URIs".
 */
export function resourcePath(type: ResourceType<unknown>, target: Target, query: Readonly<Record<string, QueryValue>> = {}): string {
  const parts = [type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`]
  if (type.namespaced && target.namespace !== undefined && target.namespace !== '') {
    parts.push('namespaces', encodeURIComponent(target.namespace))
  }
  parts.push(type.resource)
  if (target.name !== undefined) parts.push(encodeURIComponent(target.name))
  // A subresource such as proxy may carry its own slashes.
  if (target.subresource !== undefined) parts.push(target.subresource)
  return parts.join('/') + queryString(query)
}

function queryString(query: Readonly<Record<string, QueryValue>>): string {
  const pairs: string[] = []
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '' || value === false) continue
    pairs.push(`${name}=${encodeURIComponent(value)}`)
  }
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
