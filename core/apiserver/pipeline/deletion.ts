import type { KubeObject } from '../../meta/object.ts'
import { toTimestamp } from '../../meta/time.ts'
import type { ResourceDef, Work } from '../resources/resource-def.ts'
import type { DeleteOptions } from './delete-options.ts'

const ORPHAN = 'orphan'
const FOREGROUND = 'foregroundDeletion'

/**
 * What a delete request does to an object.
 * `pending`: nothing, the delete under way goes on. `mark`: the object stays, with the metadata in `next`.
 * `remove`: it goes now; watchers see `next` as the last state.
 */
export interface DeletePlan {
  readonly action: 'pending' | 'mark' | 'remove'
  readonly next: KubeObject
}

type Options = Pick<DeleteOptions, 'gracePeriodSeconds' | 'propagation'>

/**
 * Pure decision about grace and finalizers. `object` is never changed. Source: apiserver, registry/rest/delete.go and
 * registry/generic/registry/store.go.
 */
export function planDelete(def: ResourceDef, object: KubeObject, options: Options, nowMs: number): DeletePlan {
  const grace = planGrace(def, object, options, nowMs)
  if (grace === 'pending') return { action: 'pending', next: object }
  const finalizers = finalizersFor(def, object, options.propagation)
  const withFinalizers = finalizers === undefined ? object : withMetadata(object, { finalizers })
  const held = (withFinalizers.metadata.finalizers ?? []).length > 0 || (def.extraFinalizers?.(object) ?? []).length > 0
  if (grace !== undefined) {
    const next = withMetadata(withFinalizers, grace)
    return { action: held || grace.deletionGracePeriodSeconds > 0 ? 'mark' : 'remove', next }
  }
  if (!held) return { action: 'remove', next: withFinalizers }
  const { deletionTimestamp = toTimestamp(nowMs) } = object.metadata
  const marked = withMetadata(withFinalizers, { ...bumpedGeneration(object), deletionTimestamp, deletionGracePeriodSeconds: 0 })
  def.markDeleting?.(marked as Work<KubeObject>)
  return { action: 'mark', next: marked }
}

interface GraceMetadata {
  readonly deletionTimestamp: string
  readonly deletionGracePeriodSeconds: number
  readonly generation?: number
}

/** Undefined: the kind knows no grace, or it is over. */
function planGrace(def: ResourceDef, object: KubeObject, options: Options, nowMs: number): GraceMetadata | 'pending' | undefined {
  if (def.gracePeriodSeconds === undefined) return undefined
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = object.metadata
  if (deletionTimestamp === undefined) {
    const seconds = def.gracePeriodSeconds(object, options.gracePeriodSeconds)
    return { deletionTimestamp: toTimestamp(nowMs + seconds * 1000), deletionGracePeriodSeconds: seconds, ...bumpedGeneration(object) }
  }
  if (deletionGracePeriodSeconds === 0) return undefined
  const requested = options.gracePeriodSeconds
  if (requested === undefined || requested >= deletionGracePeriodSeconds) return 'pending'
  // A second request may only shorten the grace, counted from the first one.
  const seconds = Math.max(requested, 0)
  const startMs = Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000
  return { deletionTimestamp: toTimestamp(startMs + seconds * 1000), deletionGracePeriodSeconds: seconds }
}

/** Undefined when they stay as they are. */
function finalizersFor(def: ResourceDef, object: KubeObject, propagation: Options['propagation']): string[] | undefined {
  const before = object.metadata.finalizers ?? []
  const wanted = collectorFinalizer(def, before, propagation)
  const after = before.filter((name) => name !== ORPHAN && name !== FOREGROUND)
  if (wanted !== undefined) after.push(wanted)
  const isSame = after.length === before.length && after.every((name) => before.includes(name))
  return isSame ? undefined : after
}

/** The request decides, then what the object says already, then the kind. */
function collectorFinalizer(def: ResourceDef, before: readonly string[], propagation: Options['propagation']): string | undefined {
  switch (propagation) {
    case 'Orphan':
      return ORPHAN
    case 'Foreground':
      return FOREGROUND
    case 'Background':
      return undefined
    case undefined:
      if (before.includes(ORPHAN)) return ORPHAN
      if (before.includes(FOREGROUND)) return FOREGROUND
      return def.defaultDeletion === 'orphan' ? ORPHAN : undefined
  }
}

function bumpedGeneration(object: KubeObject): { readonly generation?: number } {
  const { generation = 0, deletionTimestamp } = object.metadata
  return generation > 0 && deletionTimestamp === undefined ? { generation: generation + 1 } : {}
}

function withMetadata(object: KubeObject, changes: object): KubeObject {
  const metadata = { ...object.metadata, ...changes }
  if (metadata.finalizers?.length === 0) Reflect.deleteProperty(metadata, 'finalizers')
  return { ...object, metadata }
}
