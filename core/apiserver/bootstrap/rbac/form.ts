import type { PolicyRule, Subject } from '../../../api/types/rbac-v1.ts'

const GROUP = 'rbac.authorization.k8s.io'

export interface BootstrapRole {
  readonly name: string
  /** Absent: a ClusterRole. */
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  /** Label of the roles whose rules this one collects; a controller fills `rules`. */
  readonly aggregates?: string
  readonly rules: readonly PolicyRule[]
}

export interface BootstrapBinding {
  readonly name: string
  /** Absent: a ClusterRoleBinding to a ClusterRole; else a RoleBinding to a Role. */
  readonly namespace?: string
  readonly role: string
  readonly subjects: readonly Subject[]
}

/** Marks of every object made here; `autoupdate: "false"` set by an administrator keeps it from being repaired. */
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const ANNOTATIONS = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' }

/** A rule on resources; each argument lists words, `core` is the group without a name. */
export function on(groups: string, resources: string, verbs: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups).map((group) => (group === 'core' ? '' : group)),
    resources: words(resources),
    ...(names !== undefined && { resourceNames: words(names) }),
  }
}

/** A rule on paths. */
export function paths(verbs: string, urls: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(urls) }
}

export const user = (name: string): Subject => ({ kind: 'User', apiGroup: GROUP, name })
export const group = (name: string): Subject => ({ kind: 'Group', apiGroup: GROUP, name })
export const account = (namespace: string, name: string): Subject => ({ kind: 'ServiceAccount', name, namespace })

export function roleObject({ name, namespace, labels, aggregates, rules }: BootstrapRole): BootstrapObject {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: namespace === undefined ? 'ClusterRole' : 'Role',
    metadata: metadata(name, namespace, labels),
    rules,
    ...(aggregates !== undefined && { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregates]: 'true' } }] } }),
  }
}

export function bindingObject({ name, namespace, role, subjects }: BootstrapBinding): BootstrapObject {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: metadata(name, namespace),
    ...(subjects.length > 0 && { subjects }),
    roleRef: { apiGroup: GROUP, kind: namespace === undefined ? 'ClusterRole' : 'Role', name: role },
  }
}

/** An object as it is sent: the server fills the rest of the metadata. */
export interface BootstrapObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: BootstrapMetadata
  readonly [field: string]: unknown
}

export interface BootstrapMetadata {
  readonly name: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly finalizers?: readonly string[]
}

function metadata(name: string, namespace: string | undefined, labels: Readonly<Record<string, string>> = {}): BootstrapMetadata {
  return { name, ...(namespace !== undefined && { namespace }), labels: { ...LABELS, ...labels }, annotations: ANNOTATIONS }
}

function words(text: string): readonly string[] {
  return text.split(' ')
}
