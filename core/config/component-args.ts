import { parseDuration } from '../meta/duration.ts'

/** What `--kube-apiserver-arg` can change; absent: the default of the API server. */
export interface ApiServerArgs {
  readonly admission: { readonly enable: readonly string[]; readonly disable: readonly string[] }
  readonly admissionConfigFile?: string
  readonly tokenAuthFile?: string
  readonly acceptsBootstrapTokens: boolean
  readonly maxReads?: number
  readonly maxWrites?: number
  readonly eventTtlMs?: number
  readonly audit?: AuditArgs
}

export interface AuditArgs {
  /** `-`: standard output. */
  readonly path: string
  readonly policyFile: string
  /** Megabytes (of 1024 KiB) after which the file is put aside. */
  readonly maxSize: number
  /** Files put aside that are kept; 0: all. */
  readonly maxBackups: number
  /** 0: for ever. */
  readonly maxAgeDays: number
  readonly compress: boolean
}

/** What `--kube-controller-manager-arg` can change. */
export interface ControllerManagerArgs {
  /** `*`: all that are on by default; `name`: on; `-name`: off. */
  readonly controllers: readonly string[]
  readonly terminatedPodThreshold?: number
  readonly nodeCidrMaskIpv4?: number
}

type Kind = 'list' | 'text' | 'integer' | 'boolean' | 'duration'

/** Arguments of Kubernetes' programs that have an effect here, by flag. Others are idle or refused by name. */
export const COMPONENT_ARGS = {
  'kube-apiserver-arg': {
    'enable-admission-plugins': 'list',
    'disable-admission-plugins': 'list',
    'admission-control-config-file': 'text',
    'token-auth-file': 'text',
    'enable-bootstrap-token-auth': 'boolean',
    'max-requests-inflight': 'integer',
    'max-mutating-requests-inflight': 'integer',
    'event-ttl': 'duration',
    'audit-log-path': 'text',
    'audit-policy-file': 'text',
    'audit-log-format': 'text',
    'audit-log-maxsize': 'integer',
    'audit-log-maxbackup': 'integer',
    'audit-log-maxage': 'integer',
    'audit-log-compress': 'boolean',
  },
  'kube-controller-manager-arg': {
    controllers: 'list',
    'terminated-pod-gc-threshold': 'integer',
    'node-cidr-mask-size': 'integer',
    'node-cidr-mask-size-ipv4': 'integer',
  },
  /** Values are read by the agent. */
  'kubelet-arg': {
    'root-dir': 'text',
    'max-pods': 'text',
    'pod-max-pids': 'text',
    'image-gc-high-threshold': 'text',
    'image-gc-low-threshold': 'text',
    'container-log-max-size': 'text',
    'container-log-max-files': 'text',
    'cpu-cfs-quota': 'text',
    'system-reserved': 'text',
    'kube-reserved': 'text',
    'eviction-hard': 'text',
    'allowed-unsafe-sysctls': 'text',
    'serialize-image-pulls': 'text',
    'max-parallel-image-pulls': 'text',
    'register-node': 'text',
    'node-status-report-frequency': 'text',
  },
  'kube-scheduler-arg': {},
  'kube-proxy-arg': {},
  'kube-cloud-controller-manager-arg': {},
} as const satisfies Readonly<Record<string, Readonly<Record<string, Kind>>>>

type ComponentFlag = keyof typeof COMPONENT_ARGS

const LOGS = ['v', 'vmodule', 'logging-format', 'log-flush-frequency', 'profiling', 'contention-profiling']
const RATES = ['kube-api-qps', 'kube-api-burst']
/** What the managers of controllers and the scheduler share: listeners of their own, and who of several leads. */
const OWN_PROGRAM = [
  ...['bind-address', 'secure-port', 'leader-elect', 'leader-elect-lease-duration', 'leader-elect-renew-deadline'],
  ...['leader-elect-retry-period', 'leader-elect-resource-lock', 'leader-elect-resource-name', 'leader-elect-resource-namespace'],
]

/**
 * Arguments that have nothing to act on here, since the parts are no programs of their own: logs, profiles, listeners, rates, leader election.
 * They are taken with a warning, so that a configuration moves over. What promises safety, or changes how objects are treated, is never among them.
 */
const IDLE_ARGS: Readonly<Record<ComponentFlag, readonly string[]>> = {
  'kube-apiserver-arg': [...LOGS, 'goaway-chance', 'watch-cache', 'watch-cache-sizes', 'default-watch-cache-size'],
  'kube-controller-manager-arg': [...LOGS, ...RATES, ...OWN_PROGRAM],
  'kubelet-arg': [...LOGS, ...RATES],
  'kube-scheduler-arg': [...LOGS, ...RATES, ...OWN_PROGRAM],
  'kube-proxy-arg': [...LOGS, ...RATES, 'metrics-bind-address', 'healthz-bind-address', 'bind-address', 'proxy-mode'],
  'kube-cloud-controller-manager-arg': [...LOGS, ...RATES, ...OWN_PROGRAM],
}

/** Where lines go: problems end the start, warnings are told. */
interface Told {
  readonly problems: string[]
  readonly warnings: string[]
}

/** Flags of which no argument has an effect. */
const IDLE_PARTS = ['kube-scheduler-arg', 'kube-proxy-arg', 'kube-cloud-controller-manager-arg'] as const

/** Tells of each argument to a part that has no settings: idle or refused. */
export function idleArgs(valuesOf: (flag: string) => readonly string[], told: Told): void {
  for (const flag of IDLE_PARTS) new Arguments(flag, valuesOf(flag), told).texts()
}

/** `items` are the values of the flag as given. Adds a line to `problems` for each that is refused or cannot be read, to `warnings` for each that is idle. */
export function apiServerArgs(items: readonly string[], problems: string[], warnings: string[] = []): ApiServerArgs {
  const args = new Arguments('kube-apiserver-arg', items, { problems, warnings })
  const admissionConfigFile = args.text('admission-control-config-file')
  const tokenAuthFile = args.text('token-auth-file')
  const maxReads = args.integer('max-requests-inflight')
  const maxWrites = args.integer('max-mutating-requests-inflight')
  const eventTtlMs = args.duration('event-ttl')
  const audit = auditArgs(args, problems)
  return {
    admission: { enable: args.list('enable-admission-plugins'), disable: args.list('disable-admission-plugins') },
    acceptsBootstrapTokens: args.boolean('enable-bootstrap-token-auth', true),
    ...(admissionConfigFile !== undefined && { admissionConfigFile }),
    ...(tokenAuthFile !== undefined && { tokenAuthFile }),
    ...(maxReads !== undefined && { maxReads }),
    ...(maxWrites !== undefined && { maxWrites }),
    ...(eventTtlMs !== undefined && { eventTtlMs }),
    ...(audit !== undefined && { audit }),
  }
}

/** Megabytes, when none are given. Source: the default of kube-apiserver's log files. */
const AUDIT_LOG_MEGABYTES = 100

/** Without a policy Kubernetes records nothing, and without a path neither; somebody who gave one of them believes in a log. */
function auditArgs(args: Arguments, problems: string[]): AuditArgs | undefined {
  const path = args.text('audit-log-path')
  const policyFile = args.text('audit-policy-file')
  const format = args.text('audit-log-format') ?? 'json'
  const settings = {
    maxSize: args.integer('audit-log-maxsize') ?? 0,
    maxBackups: args.integer('audit-log-maxbackup') ?? 0,
    maxAgeDays: args.integer('audit-log-maxage') ?? 0,
    compress: args.boolean('audit-log-compress', false),
  }
  if (format !== 'json') problems.push(`--kube-apiserver-arg=audit-log-format: "${format}" is not json, the only format here`)
  if (path !== undefined && path !== '' && policyFile !== undefined && policyFile !== '') {
    return { path, policyFile, ...settings, maxSize: settings.maxSize === 0 ? AUDIT_LOG_MEGABYTES : settings.maxSize }
  }
  const [given, missing] =
    path === undefined || path === '' ? ['audit-policy-file', 'audit-log-path'] : ['audit-log-path', 'audit-policy-file']
  if (args.text(given) !== undefined)
    problems.push(`--kube-apiserver-arg=${given} records nothing without ${missing}; give both or neither`)
  return undefined
}

/** Likewise. Names of controllers are checked where the controllers are. */
export function controllerManagerArgs(items: readonly string[], problems: string[], warnings: string[] = []): ControllerManagerArgs {
  const args = new Arguments('kube-controller-manager-arg', items, { problems, warnings })
  const controllers = args.list('controllers')
  const terminatedPodThreshold = args.integer('terminated-pod-gc-threshold')
  const nodeCidrMaskIpv4 = args.integer('node-cidr-mask-size-ipv4') ?? args.integer('node-cidr-mask-size')
  return {
    controllers: controllers.length === 0 ? ['*'] : controllers,
    ...(terminatedPodThreshold !== undefined && { terminatedPodThreshold }),
    ...(nodeCidrMaskIpv4 !== undefined && { nodeCidrMaskIpv4 }),
  }
}

/** Likewise, as text by name. */
export function kubeletArgs(items: readonly string[], problems: string[], warnings: string[] = []): Readonly<Record<string, string>> {
  return new Arguments('kubelet-arg', items, { problems, warnings }).texts()
}

/** The values given to one flag: `name=value`, with or without leading dashes; a name alone is `true`; `name+=value` adds to a list. */
class Arguments {
  readonly #flag: ComponentFlag
  readonly #values = new Map<string, string>()
  readonly #told: Told

  constructor(flag: ComponentFlag, items: readonly string[], told: Told) {
    this.#flag = flag
    this.#told = told
    for (const item of items) this.#take(item)
  }

  texts(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#values)
  }

  text(name: string): string | undefined {
    return this.#values.get(name)
  }

  list(name: string): readonly string[] {
    const items = (this.#values.get(name) ?? '').split(',').map((item) => item.trim())
    return items.filter((item) => item !== '')
  }

  boolean(name: string, fallback: boolean): boolean {
    const text = this.#values.get(name)
    if (text === undefined || text === 'true' || text === 'false') return text === undefined ? fallback : text === 'true'
    this.#refuse(name, text, 'true or false')
    return fallback
  }

  integer(name: string): number | undefined {
    const text = this.#values.get(name)
    if (text === undefined) return undefined
    if (!/^\d{1,9}$/.test(text)) this.#refuse(name, text, 'a whole number')
    return Number(text)
  }

  duration(name: string): number | undefined {
    const text = this.#values.get(name)
    const ms = text === undefined ? undefined : parseDuration(text)
    if (text !== undefined && (ms === undefined || ms <= 0)) this.#refuse(name, text, 'a duration such as 1h')
    return ms
  }

  #take(item: string): void {
    const [, name = '', adds, value] = /^(?:--)?([^=+]*)(\+?)(?:=(.*))?$/s.exec(item) ?? []
    const known: Readonly<Record<string, Kind>> = COMPONENT_ARGS[this.#flag]
    const kind = Object.hasOwn(known, name) ? known[name] : undefined
    if (kind === undefined) {
      if (IDLE_ARGS[this.#flag].includes(name)) this.#told.warnings.push(`--${this.#flag}: "${name}" has no effect in k3ts`)
      else {
        const names = Object.keys(known).join(', ')
        const takes = names === '' ? '' : ` What it takes: ${names}`
        this.#told.problems.push(`--${this.#flag}: "${name}" has no effect in this version of k3ts; remove it.${takes}`)
      }
      return
    }
    const before = adds === '+' && kind === 'list' ? this.#values.get(name) : undefined
    this.#values.set(name, [...(before === undefined ? [] : [before]), value ?? 'true'].join(','))
  }

  #refuse(name: string, text: string, expected: string): void {
    this.#told.problems.push(`--${this.#flag}=${name}: "${text}" is not ${expected}`)
  }
}
