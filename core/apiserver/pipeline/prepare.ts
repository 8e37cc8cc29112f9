import { randomUUID } from 'node:crypto'
import { generateName } from '../../meta/generate-name.ts'
import type { KubeObject } from '../../meta/object.ts'
import { toTimestamp } from '../../meta/time.ts'
import { badRequest } from '../errors.ts'
import type { SubresourceDef, Work } from '../resources/resource-def.ts'
import { dedupeOwnerReferences } from './metadata-rules.ts'
import type { WriteContext } from './write-context.ts'

/**
 * Preparation comes in two halves around the mutating admission: what admission needs to see (name, uid, times) before
 * it, and the kind's own preparation after it, since that derives fields from what admission set (the QoS class of a pod
 * from its final resources, the generation from its final spec). Source: apiserver, registry/rest/create.go, update.go.
 */
export function prepareNew(object: Work<KubeObject>, context: WriteContext): void {
  const metadata = object.metadata
  if ((metadata.resourceVersion as string | undefined) !== undefined && metadata.resourceVersion !== '')
    throw badRequest('resourceVersion should not be set on objects to be created')
  metadata.uid = randomUUID()
  metadata.creationTimestamp = toTimestamp(context.nowMs)
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  Reflect.deleteProperty(metadata, 'selfLink')
  tidyOwners(object, context)
}

/** True when the server chose the name, which may then be chosen anew after a collision. */
export function chooseName(object: Work<KubeObject>): boolean {
  const { name, generateName: base } = object.metadata
  if ((name as string | undefined) !== undefined && name !== '') return false
  object.metadata.name = ''
  if (base === undefined || base === '') return false
  object.metadata.name = generateName(base, Math.random)
  return true
}

/** Puts owner references in order and lets the kind prepare its object. */
export function prepareCreate(object: Work<KubeObject>, context: WriteContext): void {
  tidyOwners(object, context)
  context.def.prepareCreate?.(object, context)
}

/** The first half for an update: metadata that only the server changes is put back. */
export function keepSystemMetadata(next: Work<KubeObject>, old: KubeObject, context: WriteContext): void {
  const metadata = next.metadata as unknown as OpenMetadata
  const before = old.metadata as unknown as OpenMetadata
  Reflect.deleteProperty(metadata, 'selfLink')
  if (metadata['uid'] === undefined || metadata['uid'] === '') keep(metadata, before, 'uid')
  for (const key of KEPT) keep(metadata, before, key)
  tidyOwners(next, context)
}

/** Puts back what only the server changes, then lets the subresource or the kind prepare the object. */
export function prepareUpdate(next: Work<KubeObject>, old: KubeObject, context: WriteContext, subresource?: SubresourceDef): void {
  keepSystemMetadata(next, old, context)
  if (subresource?.type === 'object') subresource.prepareUpdate(next, old, context)
  else context.def.prepareUpdate?.(next, old, context)
}

type OpenMetadata = Record<string, unknown>

const KEPT = ['creationTimestamp', 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const

function keep(metadata: OpenMetadata, before: OpenMetadata, key: string): void {
  const value = before[key]
  if (value === undefined) Reflect.deleteProperty(metadata, key)
  else metadata[key] = value
}

function tidyOwners(object: Work<KubeObject>, context: WriteContext): void {
  const warning = dedupeOwnerReferences(object.metadata)
  if (warning !== undefined) context.warn(warning)
}
