import { randomUUID } from 'node:crypto'
import { generateName } from '../../meta/generate-name.ts'
import type { KubeObject, ObjectMetaLike } from '../../meta/object.ts'
import { toTimestamp } from '../../runtime/clock.ts'
import { badRequest } from '../errors.ts'
import type { SubresourceDef, Work } from '../resources/resource-def.ts'
import { dedupeOwnerReferences } from './metadata-rules.ts'
import type { WriteContext } from './write-context.ts'

type OpenMetadata = Record<string, unknown> & ObjectMetaLike

/**
 * Third step of a create: system metadata, then the kind's own preparation. The name is chosen by `chooseName`.
 * Source: apiserver, registry/rest/create.go and meta.go.
 */
export function prepareCreate(object: Work<KubeObject>, context: WriteContext): void {
  const metadata = object.metadata as Work<ObjectMetaLike>
  if ((metadata.resourceVersion as string | undefined) !== undefined && metadata.resourceVersion !== '')
    throw badRequest('resourceVersion should not be set on objects to be created')
  metadata.uid = randomUUID()
  metadata.creationTimestamp = toTimestamp(context.nowMs)
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  Reflect.deleteProperty(metadata, 'selfLink')
  warnOnce(dedupeOwnerReferences(metadata), context)
  context.def.prepareCreate?.(object, context)
}

/** Gives an object without a name one made from generateName; called again with each retry. */
export function chooseName(object: Work<KubeObject>): void {
  const { generateName: base } = object.metadata
  if (base !== undefined && base !== '') object.metadata.name = generateName(base, Math.random)
}

/** Metadata that an update takes from the stored object, whatever the request says. */
const KEPT = ['creationTimestamp', 'generation'] as const

/**
 * Third step of an update: what only the server may change is put back, then the kind's own preparation runs.
 * Source: apiserver, registry/rest/update.go.
 */
export function prepareUpdate(next: Work<KubeObject>, old: KubeObject, context: WriteContext, subresource?: SubresourceDef): void {
  const metadata = next.metadata as OpenMetadata
  const before = old.metadata as OpenMetadata
  Reflect.deleteProperty(metadata, 'selfLink')
  for (const key of KEPT) keep(metadata, before, key)
  warnOnce(dedupeOwnerReferences(next.metadata), context)
  if (subresource?.type === 'object') subresource.prepareUpdate(next, old, context)
  else context.def.prepareUpdate?.(next, old, context)
  // NOTE: after the kind's preparation, since that may put a whole metadata in place.
  const prepared = next.metadata as OpenMetadata
  if ((prepared.uid as string | undefined) === undefined || prepared.uid === '') keep(prepared, before, 'uid')
  keep(prepared, before, 'creationTimestamp')
  keep(prepared, before, 'deletionTimestamp')
  keep(prepared, before, 'deletionGracePeriodSeconds')
}

function keep(metadata: OpenMetadata, before: OpenMetadata, key: string): void {
  const value = before[key]
  if (value === undefined) Reflect.deleteProperty(metadata, key)
  else (metadata as Record<string, unknown>)[key] = value
}

function warnOnce(text: string | undefined, context: WriteContext): void {
  if (text !== undefined) context.warn(text)
}
