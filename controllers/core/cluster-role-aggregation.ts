import { clusterRoles } from '../../core/api/kinds.ts'
import type { ClusterRole, PolicyRule } from '../../core/api/types/rbac-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { matchesLabels, selectorOf } from '../../core/meta/selector.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'

/**
 * Fills aggregated ClusterRoles with the rules of all roles that their selectors match.
 * Source: Kubernetes documentation, "Using RBAC Authorization", aggregated ClusterRoles.
 */
export interface AggregationDeps {
  readonly client: Client
  readonly clusterRoles: Lister<ClusterRole>
}

const MANAGER = 'clusterrole-aggregation-controller'

export function clusterRoleAggregation(deps: AggregationDeps): Controller {
  return {
    name: 'clusterrole-aggregation',
    concurrency: 5,
    // Any role may be part of any aggregated one; there are few of those.
    watches: [watch(clusterRoles, () => deps.clusterRoles.list().filter(isAggregated).map(keyOf))],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

function isAggregated({ aggregationRule }: ClusterRole): boolean {
  return aggregationRule !== undefined
}

async function reconcile(key: ObjectKey, { client, clusterRoles: lister }: AggregationDeps, { signal }: ReconcileContext): Promise<Result> {
  const role = lister.get(key)
  if (role?.aggregationRule === undefined) return done
  const rules = planRules(role, lister.list())
  if (deepEqual(rules, role.rules)) return done
  // Applied, so that who manages the labels or the selectors is not taken for the owner of the rules.
  const body = { metadata: { name: role.metadata.name }, rules }
  await client.patch(clusterRoles, role.metadata, { type: 'apply', body, force: true }, { signal, fieldManager: MANAGER })
  return done
}

/** Rules in the order of the roles' names, each once. */
export function planRules(role: ClusterRole, roles: readonly ClusterRole[]): readonly PolicyRule[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(selectorOf)
  const sources = roles
    .filter(
      ({ metadata }) => metadata.name !== role.metadata.name && selectors.some((selector) => matchesLabels(selector, metadata.labels)),
    )
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  const rules: PolicyRule[] = []
  for (const rule of sources.flatMap((source) => source.rules)) if (!rules.some((known) => deepEqual(known, rule))) rules.push(rule)
  return rules
}
