import type { ConfigMap, Service } from '../../api/types/core-v1.ts'
import type { ClusterRole, ClusterRoleBinding, Subject } from '../../api/types/rbac-v1.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import type { KubeObject } from '../../meta/object.ts'
import { uncovered } from '../auth/rbac/cover.ts'
import { AUTOUPDATE } from './flow-control.ts'
import type { BootstrapObject } from './rbac/form.ts'

/** What to do about an object that exists. Pure: the caller acts. */
export type Repair = { readonly kind: 'none' } | { readonly kind: 'update' | 'replace'; readonly object: object }

export type Reconciler = (current: KubeObject, wanted: BootstrapObject) => Repair

const NONE: Repair = { kind: 'none' }
const RBAC_AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate'

/** For objects that belong to the administrator once they exist. */
export const keepExisting: Reconciler = () => NONE

/** Adds missing rules, keeps extra ones. Source: kubernetes, component-helpers auth/rbac/reconciliation. */
export const reconcileRole: Reconciler = (current, wanted) => {
  if (current.metadata.annotations?.[RBAC_AUTOUPDATE] === 'false') return NONE
  const have = current as ClusterRole
  const want = wanted as unknown as ClusterRole
  const metadata = mergedMetadata(current, wanted)
  const aggregationRule = mergedAggregation(have, want)
  const hasRules = want.aggregationRule !== undefined || deepEqual(have.rules, want.rules)
  const missing = hasRules ? [] : uncovered(have.rules, want.rules)
  if (metadata === undefined && missing.length === 0 && aggregationRule === undefined) return NONE
  return updateWith(current, {
    ...(metadata !== undefined && { metadata }),
    rules: [...have.rules, ...missing],
    ...(aggregationRule !== undefined && { aggregationRule }),
  })
}

/** Adds missing subjects; another role means a new binding, since the role of one can never change. */
export const reconcileBinding: Reconciler = (current, wanted) => {
  if (current.metadata.annotations?.[RBAC_AUTOUPDATE] === 'false') return NONE
  const have = current as ClusterRoleBinding
  const want = wanted as unknown as ClusterRoleBinding
  if (!deepEqual(have.roleRef, want.roleRef)) return { kind: 'replace', object: wanted }
  const metadata = mergedMetadata(current, wanted)
  const subjects = have.subjects ?? []
  const missing = (want.subjects ?? []).filter((subject) => !subjects.some((known) => isSameSubject(known, subject)))
  if (metadata === undefined && missing.length === 0) return NONE
  return updateWith(current, { ...(metadata !== undefined && { metadata }), subjects: [...subjects, ...missing] })
}

/** The specification is ours unless an administrator took it over. */
export const reconcileFlowControl: Reconciler = (current, wanted) => {
  if (current.metadata.annotations?.[AUTOUPDATE] !== 'true') return NONE
  const { spec } = wanted
  return includes(current, { spec }) ? NONE : updateWith(current, { spec })
}

/** Only the ports of the service are ours to repair. */
export const reconcileService: Reconciler = (current, wanted) => {
  const have = current as Service
  const { ports } = (wanted as unknown as Service).spec
  return includes(have.spec.ports, ports) ? NONE : updateWith(current, { spec: { ...have.spec, ports } })
}

/** Everything beside the metadata is ours. */
export const reconcileContent: Reconciler = (current, wanted) => {
  const content = Object.fromEntries(Object.entries(wanted).filter(([key]) => !['apiVersion', 'kind', 'metadata'].includes(key)))
  const metadata = mergedMetadata(current, wanted)
  if (metadata === undefined && includes(current, content)) return NONE
  return updateWith(current, { ...content, ...(metadata !== undefined && { metadata }) })
}

/** Keys of ours are kept right, other keys are left alone. */
export const reconcileData: Reconciler = (current, wanted) => {
  const data = (wanted as unknown as ConfigMap).data
  const have = (current as ConfigMap).data
  return includes(have ?? {}, data ?? {}) ? NONE : updateWith(current, { data: { ...have, ...data } })
}

function updateWith(current: KubeObject, changes: object): Repair {
  return { kind: 'update', object: { ...current, ...changes } }
}

/** Undefined when nothing is missing; values that differ are the administrator's. */
function mergedMetadata(current: KubeObject, { metadata }: BootstrapObject): object | undefined {
  const { labels, annotations } = current.metadata
  const lacks = (have: Readonly<Record<string, string>> | undefined, want: Readonly<Record<string, string>> | undefined): boolean =>
    Object.keys(want ?? {}).some((key) => have?.[key] === undefined)
  if (!lacks(labels, metadata.labels) && !lacks(annotations, metadata.annotations)) return undefined
  return {
    ...current.metadata,
    labels: { ...metadata.labels, ...labels },
    annotations: { ...metadata.annotations, ...annotations },
  }
}

function mergedAggregation(have: ClusterRole, want: ClusterRole): ClusterRole['aggregationRule'] {
  const selectors = have.aggregationRule?.clusterRoleSelectors ?? []
  const missing = (want.aggregationRule?.clusterRoleSelectors ?? []).filter(
    (wanted) => !selectors.some((known) => deepEqual(known, wanted)),
  )
  return missing.length === 0 ? undefined : { clusterRoleSelectors: [...selectors, ...missing] }
}

function isSameSubject(a: Subject, b: Subject): boolean {
  return a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '') && (a.apiGroup ?? '') === (b.apiGroup ?? '')
}

/** Every field of `want` is in `have` with that value; what the server added does not count. Lists must be as long. */
function includes(have: unknown, want: unknown): boolean {
  if (typeof want !== 'object' || want === null) return have === want
  if (typeof have !== 'object' || have === null) return false
  if (Array.isArray(want)) return Array.isArray(have) && have.length === want.length && want.every((item, at) => includes(have[at], item))
  return Object.entries(want).every(([key, value]) => value === undefined || includes((have as Record<string, unknown>)[key], value))
}
