import { controllerRevisions } from '../../core/api/kinds.ts'
import type { ControllerRevision } from '../../core/api/types/apps-v1.ts'
import type { PodTemplateSpec } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import { controllerOf, controllerReference } from '../../core/meta/owner.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { ignoreNotFound, isAlreadyExists } from '../../core/meta/status-error.ts'
import { hashOf } from './template-hash.ts'

/**
 * The history of templates that DaemonSets and StatefulSets keep in ControllerRevisions; `kubectl rollout` reads it.
 * Source: Kubernetes API reference, "ControllerRevision".
 */
export const REVISION_HASH = 'controller-revision-hash'

export interface RevisionRequest {
  readonly client: Client
  readonly ownerType: ResourceType<KubeObject>
  readonly owner: KubeObject
  /** Labels that let the owner's selector find the revision. */
  readonly labels: Readonly<Record<string, string>>
  readonly template: PodTemplateSpec
  readonly collisionCount: number
  readonly signal: AbortSignal
}

/** Oldest first. */
export function sortRevisions(revisions: readonly ControllerRevision[]): readonly ControllerRevision[] {
  return revisions.toSorted((a, b) => {
    if (a.revision !== b.revision) return a.revision - b.revision
    const [left, right] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
    if (left !== right) return left < right ? -1 : 1
    return a.metadata.name < b.metadata.name ? -1 : 1
  })
}

/** What a revision stores: a patch that puts its template into the owner. */
export function revisionData(template: PodTemplateSpec): { readonly spec: { readonly template: unknown } } {
  return { spec: { template: { ...template, $patch: 'replace' } } }
}

/** The template a revision was made from; undefined when it stores none. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec | undefined {
  const template = (data as { readonly spec?: { readonly template?: Readonly<Record<string, unknown>> } } | undefined)?.spec?.template
  if (template === undefined) return undefined
  return { ...template, $patch: undefined } as unknown as PodTemplateSpec
}

/** `taken` is a hash collision with another template: count it and come back. */
export type CurrentRevision = { readonly kind: 'revision'; readonly revision: ControllerRevision } | { readonly kind: 'taken' }

/**
 * The revision of the current template: the newest one if it is equal, an older one brought to the front (a rollback),
 * or a new one.
 */
export async function currentRevision(request: RevisionRequest, known: readonly ControllerRevision[]): Promise<CurrentRevision> {
  const { client, signal } = request
  const sorted = sortRevisions(known)
  const data = revisionData(request.template)
  const number = (sorted.at(-1)?.revision ?? 0) + 1
  const equal = sorted.findLast((revision) => deepEqual(revision.data, data))
  if (equal !== undefined && equal === sorted.at(-1)) return { kind: 'revision', revision: equal }
  if (equal !== undefined) {
    return { kind: 'revision', revision: await client.update(controllerRevisions, { ...equal, revision: number }, { signal }) }
  }
  const { owner, ownerType, labels, collisionCount } = request
  const hash = hashOf(request.template, collisionCount === 0 ? '' : String(collisionCount))
  const name = `${owner.metadata.name}-${hash}`
  const metadata = {
    namespace: owner.metadata.namespace,
    name,
    labels: { ...labels, [REVISION_HASH]: hash },
    ownerReferences: [controllerReference(ownerType, owner)],
  }
  try {
    return { kind: 'revision', revision: await client.create(controllerRevisions, { metadata, data, revision: number }, { signal }) }
  } catch (err) {
    if (!isAlreadyExists(err)) throw err
    const existing = await client.get(controllerRevisions, { namespace: owner.metadata.namespace, name }, signal)
    const ours = controllerOf(existing)?.uid === owner.metadata.uid && deepEqual(existing.data, data)
    return ours ? { kind: 'revision', revision: existing } : { kind: 'taken' }
  }
}

/** Revisions to drop: beyond the limit, not current and not in use by any pod, oldest first. */
export function planRevisionCleanup(
  revisions: readonly ControllerRevision[],
  inUse: ReadonlySet<string>,
  limit: number,
): readonly ControllerRevision[] {
  const unused = sortRevisions(revisions).filter(({ metadata }) => !inUse.has(metadata.name))
  return unused.slice(0, Math.max(0, unused.length - limit))
}

/** One after the other; those that are gone already count as deleted. */
export async function deleteRevisions(client: Client, revisions: readonly ControllerRevision[], signal: AbortSignal): Promise<void> {
  for (const { metadata } of revisions) await ignoreNotFound(client.delete(controllerRevisions, metadata, { signal }))
}

/** The hash by which pods name their revision. */
export function hashIn(revision: ControllerRevision): string {
  return revision.metadata.labels?.[REVISION_HASH] ?? revision.metadata.name
}
