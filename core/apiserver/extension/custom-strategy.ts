import { deepEqual } from '../../meta/deep-equal.ts'
import type { KubeObject } from '../../meta/object.ts'
import type { SubresourceDef, Work } from '../resources/resource-def.ts'
import { keepStored, setOrDelete } from '../resources/strategy.ts'
import type { Validate } from './custom-values.ts'

/** How custom objects are prepared for storage. Source: apiextensions, registry/customresource/strategy.go. */

type Open = Record<string, unknown>

export function prepareCustomCreate(object: Work<KubeObject>, hasStatus: boolean): void {
  if (hasStatus) Reflect.deleteProperty(object, 'status')
  object.metadata.generation = 1
}

/** A change of anything but metadata, and of status where it has its own endpoint, makes a new generation. */
export function prepareCustomUpdate(next: Work<KubeObject>, old: KubeObject, hasStatus: boolean): void {
  if (hasStatus) setOrDelete(next, 'status', (old as KubeObject & Readonly<Open>)['status'])
  const ignored = hasStatus ? ['metadata', 'status'] : ['metadata']
  const before = old.metadata.generation ?? 0
  setOrDelete(next.metadata, 'generation', deepEqual(without(next, ignored), without(old, ignored)) ? old.metadata.generation : before + 1)
}

function without(object: KubeObject, keys: readonly string[]): Readonly<Open> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
}

const TAKEN_BY_STATUS = new Set(['apiVersion', 'kind', 'metadata', 'status'])

export const SUBRESOURCE_VERBS: readonly string[] = ['get', 'patch', 'update']

/** The status endpoint of a custom kind: status alone changes, and is judged by the same rules. */
export function customStatus(validate: Validate): SubresourceDef {
  return {
    type: 'object',
    verbs: SUBRESOURCE_VERBS,
    prepareUpdate: (next, old) => {
      keepStored(next, old, TAKEN_BY_STATUS)
      keepAllButManagers(next, old)
    },
    validate: (next, old) => validate(next, old),
  }
}

/** A status write of a custom object leaves all metadata as it is but managedFields and the revision. */
function keepAllButManagers(next: Work<KubeObject>, old: KubeObject): void {
  const { managedFields, resourceVersion } = next.metadata as unknown as Open
  const metadata = next.metadata as unknown as Open
  for (const key of Object.keys(metadata)) Reflect.deleteProperty(metadata, key)
  Object.assign(metadata, old.metadata)
  setOrDelete(metadata, 'managedFields', managedFields)
  setOrDelete(metadata, 'resourceVersion', resourceVersion)
}
