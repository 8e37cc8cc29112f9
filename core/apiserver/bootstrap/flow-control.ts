import type { FlowSchemaSpec, PolicyRulesWithSubjects, PriorityLevelConfigurationSpec } from '../../api/types/flowcontrol-v1.ts'
import type { BootstrapObject } from './rbac/form.ts'

const API_VERSION = 'flowcontrol.apiserver.k8s.io/v1'
/** Set to "false" by an administrator, it keeps a spec from being repaired. */
export const AUTOUPDATE = 'apf.kubernetes.io/autoupdate-spec'

type FlowSubject = PolicyRulesWithSubjects['subjects'][number]
type Rules = Omit<PolicyRulesWithSubjects, 'subjects'>

const user = (name: string): FlowSubject => ({ kind: 'User', user: { name } })
const group = (name: string): FlowSubject => ({ kind: 'Group', group: { name } })
const account = (namespace: string, name: string): FlowSubject => ({ kind: 'ServiceAccount', serviceAccount: { namespace, name } })
const words = (text: string): readonly string[] => text.split(' ')

const ALL_PATHS = { verbs: ['*'], nonResourceURLs: ['*'] }
const ALL_RESOURCES = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }
const EVERYTHING: Rules = { resourceRules: [ALL_RESOURCES], nonResourceRules: [ALL_PATHS] }

interface Schema {
  readonly name: string
  readonly level: string
  readonly precedence: number
  readonly by?: 'ByUser' | 'ByNamespace'
  readonly subjects: readonly FlowSubject[]
  readonly rules: Rules
}

/** Source: apiserver 1.35, pkg/apis/flowcontrol/bootstrap. */
const SCHEMAS: readonly Schema[] = [
  { name: 'exempt', level: 'exempt', precedence: 1, subjects: [group('system:masters')], rules: EVERYTHING },
  {
    name: 'catch-all',
    level: 'catch-all',
    precedence: 10000,
    by: 'ByUser',
    subjects: [group('system:unauthenticated'), group('system:authenticated')],
    rules: EVERYTHING,
  },
  {
    name: 'probes',
    level: 'exempt',
    precedence: 2,
    subjects: [group('system:unauthenticated'), group('system:authenticated')],
    rules: { nonResourceRules: [{ verbs: words('get'), nonResourceURLs: words('/healthz /readyz /livez') }] },
  },
  {
    name: 'system-leader-election',
    level: 'leader-election',
    precedence: 100,
    by: 'ByUser',
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), account('kube-system', '*')],
    rules: {
      resourceRules: [
        { verbs: words('get create update'), apiGroups: ['coordination.k8s.io'], resources: words('leases'), namespaces: ['*'] },
      ],
    },
  },
  {
    name: 'system-node-high',
    level: 'node-high',
    precedence: 400,
    by: 'ByUser',
    subjects: [group('system:nodes')],
    rules: {
      resourceRules: [
        { verbs: words('*'), apiGroups: [''], resources: words('nodes nodes/status'), clusterScope: true, namespaces: ['*'] },
        { verbs: words('*'), apiGroups: ['coordination.k8s.io'], resources: words('leases'), namespaces: ['*'] },
      ],
    },
  },
  { name: 'system-nodes', level: 'system', precedence: 500, by: 'ByUser', subjects: [group('system:nodes')], rules: EVERYTHING },
  {
    name: 'kube-controller-manager',
    level: 'workload-high',
    precedence: 800,
    by: 'ByNamespace',
    subjects: [user('system:kube-controller-manager')],
    rules: EVERYTHING,
  },
  {
    name: 'kube-scheduler',
    level: 'workload-high',
    precedence: 800,
    by: 'ByNamespace',
    subjects: [user('system:kube-scheduler')],
    rules: EVERYTHING,
  },
  {
    name: 'kube-system-service-accounts',
    level: 'workload-high',
    precedence: 900,
    by: 'ByNamespace',
    subjects: [account('kube-system', '*')],
    rules: EVERYTHING,
  },
  {
    name: 'service-accounts',
    level: 'workload-low',
    precedence: 9000,
    by: 'ByUser',
    subjects: [group('system:serviceaccounts')],
    rules: EVERYTHING,
  },
  {
    name: 'global-default',
    level: 'global-default',
    precedence: 9900,
    by: 'ByUser',
    subjects: [group('system:unauthenticated'), group('system:authenticated')],
    rules: EVERYTHING,
  },
]

interface Level {
  readonly name: string
  readonly shares: number
  readonly lendable: number
  /** Absent: requests over the limit are rejected at once. */
  readonly queuing?: { readonly queues: number; readonly handSize: number }
}

const LEVELS: readonly Level[] = [
  { name: 'catch-all', shares: 5, lendable: 0 },
  { name: 'system', shares: 30, lendable: 33, queuing: { queues: 64, handSize: 6 } },
  { name: 'node-high', shares: 40, lendable: 25, queuing: { queues: 64, handSize: 6 } },
  { name: 'leader-election', shares: 10, lendable: 0, queuing: { queues: 16, handSize: 4 } },
  { name: 'workload-high', shares: 40, lendable: 50, queuing: { queues: 128, handSize: 6 } },
  { name: 'workload-low', shares: 100, lendable: 90, queuing: { queues: 128, handSize: 6 } },
  { name: 'global-default', shares: 20, lendable: 50, queuing: { queues: 128, handSize: 6 } },
]

const QUEUE_LENGTH = 50

/** Flow schemas and priority levels that exist in every cluster. */
export function flowControlObjects(): readonly BootstrapObject[] {
  const exempt: PriorityLevelConfigurationSpec = { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }
  return [
    object('PriorityLevelConfiguration', 'exempt', exempt),
    ...LEVELS.map((level) => object('PriorityLevelConfiguration', level.name, levelSpec(level))),
    ...SCHEMAS.map((schema) => object('FlowSchema', schema.name, schemaSpec(schema))),
  ]
}

function object(kind: string, name: string, spec: object): BootstrapObject {
  const metadata = { name, annotations: { [AUTOUPDATE]: 'true' } }
  return { apiVersion: API_VERSION, kind, metadata, spec }
}

function levelSpec({ shares, lendable, queuing }: Level): PriorityLevelConfigurationSpec {
  return {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent: lendable,
      limitResponse:
        queuing === undefined ? { type: 'Reject' } : { type: 'Queue', queuing: { ...queuing, queueLengthLimit: QUEUE_LENGTH } },
    },
  }
}

function schemaSpec({ level, precedence, by, subjects, rules }: Schema): FlowSchemaSpec {
  return {
    priorityLevelConfiguration: { name: level },
    matchingPrecedence: precedence,
    ...(by !== undefined && { distinguisherMethod: { type: by } }),
    rules: [{ subjects, ...rules }],
  }
}
