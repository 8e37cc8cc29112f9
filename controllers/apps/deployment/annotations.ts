import type { Deployment, ReplicaSet } from '../../../core/api/types/apps-v1.ts'

/** Annotations by which a Deployment remembers its rollouts; `kubectl rollout` reads them. */
export const REVISION = 'deployment.kubernetes.io/revision'
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas'
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas'

const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
])
const MAX_HISTORY_LENGTH = 2000

type Annotations = Readonly<Record<string, string>>

/** 0 for an object that carries none. */
export function revisionOf(object: { readonly metadata: { readonly annotations?: Annotations | undefined } } | undefined): number {
  const text = object?.metadata.annotations?.[REVISION] ?? ''
  return /^[0-9]+$/.test(text) ? Number(text) : 0
}

/** 0 when there are none. */
export function maxRevision(sets: readonly ReplicaSet[]): number {
  return Math.max(0, ...sets.map(revisionOf))
}

/** A count from one of the annotations above; undefined when it is absent or no number. */
export function countIn(set: ReplicaSet, annotation: string): number | undefined {
  const text = set.metadata.annotations?.[annotation]
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined
}

/**
 * Annotations of the ReplicaSet of the current template: those of the Deployment, and the revision. A set that comes
 * back in a rollback gets the new revision and keeps the old ones as its history.
 */
export function annotationsForNewSet(deployment: Deployment, existing: Annotations | undefined, revision: number): Annotations {
  const result: Record<string, string> = { ...existing }
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!NOT_COPIED.has(key)) result[key] = value
  const oldText = existing?.[REVISION]
  const old = Number(oldText ?? 0)
  if (Number.isNaN(old) || old >= revision) return result
  result[REVISION] = String(revision)
  if (oldText !== undefined) result[REVISION_HISTORY] = extendHistory(existing?.[REVISION_HISTORY], oldText)
  return result
}

function extendHistory(history: string | undefined, revision: string): string {
  const parts = [...(history === undefined || history === '' ? [] : history.split(',')), revision]
  while (parts.length > 1 && parts.join(',').length > MAX_HISTORY_LENGTH) parts.shift()
  return parts.join(',')
}
