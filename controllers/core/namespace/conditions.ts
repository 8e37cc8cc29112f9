import type { NamespaceCondition } from '../../../core/api/types/core-v1.ts'
import { setCondition } from '../../../core/meta/conditions.ts'

/** What one pass over a namespace found. */
export interface Findings {
  /** Group versions that could not be discovered. */
  readonly failedDiscovery: readonly string[]
  /** Messages of refused deletions. */
  readonly deletionErrors: readonly string[]
  /** Objects left, by `resource.group`. */
  readonly remaining: ReadonlyMap<string, number>
  /** Objects left that a finalizer holds, by finalizer. */
  readonly finalizers: ReadonlyMap<string, number>
}

interface Texts {
  readonly type: string
  readonly good: readonly [reason: string, message: string]
  readonly bad: readonly [reason: string, message: string] | undefined
}

/** The five conditions of a namespace that is being deleted. Source: Kubernetes documentation, "Namespaces", conditions. */
export function planConditions(
  old: readonly NamespaceCondition[] | undefined,
  findings: Findings,
  now: string,
): readonly NamespaceCondition[] {
  let conditions = old ?? []
  for (const { type, good, bad } of textsOf(findings)) {
    const [reason, message] = bad ?? good
    conditions = setCondition(conditions, { type, status: bad === undefined ? 'False' : 'True', reason, message }, now)
  }
  return conditions
}

function textsOf({ failedDiscovery, deletionErrors, remaining, finalizers }: Findings): readonly Texts[] {
  return [
    {
      type: 'NamespaceDeletionDiscoveryFailure',
      good: ['ResourcesDiscovered', 'All resources successfully discovered'],
      bad: when(failedDiscovery.length > 0, [
        'DiscoveryFailed',
        `Discovery failed for some groups, ${failedDiscovery.length} failing: unable to retrieve the complete list of server APIs: ${failedDiscovery.join(', ')}`,
      ]),
    },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      good: ['ParsedGroupVersions', 'All legacy kube types successfully parsed'],
      bad: undefined,
    },
    {
      type: 'NamespaceDeletionContentFailure',
      good: ['ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
      bad: when(deletionErrors.length > 0, [
        'ContentDeletionFailed',
        `Failed to delete all resource types, ${deletionErrors.length} remaining: ${deletionErrors.join(', ')}`,
      ]),
    },
    {
      type: 'NamespaceContentRemaining',
      good: ['ContentRemoved', 'All content successfully removed'],
      bad: when(remaining.size > 0, [
        'SomeResourcesRemain',
        `Some resources are remaining: ${list(remaining, (name, count) => `${name} has ${count} resource instances`)}`,
      ]),
    },
    {
      type: 'NamespaceFinalizersRemaining',
      good: ['ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
      bad: when(finalizers.size > 0, [
        'SomeFinalizersRemain',
        `Some content in the namespace has finalizers remaining: ${list(finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
      ]),
    },
  ]
}

function when<T>(condition: boolean, value: T): T | undefined {
  return condition ? value : undefined
}

function list(counts: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string {
  return [...counts]
    .map(([name, count]) => text(name, count))
    .sort()
    .join(', ')
}
