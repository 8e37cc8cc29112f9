import type { KubeObject } from '../meta/object.ts'
import { type ResourceType, resourceType } from '../meta/resource-type.ts'
import { StatusError } from '../meta/status-error.ts'
import type { Transport } from './transport.ts'

/** Finds the resource that serves a kind, for code that handles objects it knows nothing about. */
export interface KindMapper {
  /** Undefined when the server does not serve the kind (yet). Answers are kept; a miss asks the server again. */
  resolve(apiVersion: string, kind: string, signal: AbortSignal): Promise<ResourceType<KubeObject> | undefined>
}

interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[]
}

/** Over discovery, read when a kind is first asked for. */
export function createKindMapper(transport: Transport): KindMapper {
  const known = new Map<string, ResourceType<KubeObject>>()
  return {
    resolve: async (apiVersion, kind, signal) => {
      const key = `${apiVersion} ${kind}`
      const found = known.get(key)
      if (found !== undefined) return found
      for (const type of await fetchTypes(transport, apiVersion, signal)) known.set(`${apiVersion} ${type.kind}`, type)
      return known.get(key)
    },
  }
}

async function fetchTypes(transport: Transport, apiVersion: string, signal: AbortSignal): Promise<readonly ResourceType<KubeObject>[]> {
  const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const response = await transport.request({ method: 'GET', path, headers: { accept: 'application/json' } }, signal)
  if (response.status === 404) return []
  if (response.status !== 200) throw new StatusError('ServiceUnavailable', `discovery of ${apiVersion} answered ${response.status}`)
  const list = JSON.parse(new TextDecoder().decode(response.body)) as ResourceList
  return (list.resources ?? [])
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced }) => resourceType(apiVersion, name, kind, namespaced))
}
