import type { EventLimit } from './optional/event-rate-limit.ts'
import { type Policy, readPolicy } from './pod-security/policy.ts'

/** Pod security of a whole cluster: what namespaces without labels get, and who is not held to anything. */
export interface PodSecurityConfiguration {
  readonly defaults: Policy
  readonly exempt: {
    readonly users: ReadonlySet<string>
    readonly runtimeClasses: ReadonlySet<string>
    readonly namespaces: ReadonlySet<string>
  }
}

/** Settings of plugins from the file given with `admission-control-config-file`. Absent: the plugin's defaults. */
export interface AdmissionConfiguration {
  readonly podSecurity?: PodSecurityConfiguration
  readonly eventLimits?: readonly EventLimit[]
}

type Json = Readonly<Record<string, unknown>>

const KIND = 'AdmissionConfiguration'
const LIMIT_TYPES = ['Server', 'Namespace', 'User', 'SourceAndObject'] as const

/**
 * Reads a parsed AdmissionConfiguration; `readFile` gives the parsed content of the files it refers to. Throws a plain Error that names
 * the plugin and the problem. Settings of plugins that are not known here are an error, since they would silently not hold.
 */
export function readAdmissionConfiguration(document: unknown, readFile: (path: string) => unknown): AdmissionConfiguration {
  const { kind, plugins } = asRecord(document)
  if (kind !== KIND) throw new Error(`admission configuration: want kind ${KIND}, got ${JSON.stringify(kind)}`)
  const settings: { -readonly [K in keyof AdmissionConfiguration]: AdmissionConfiguration[K] } = {}
  for (const entry of asList(plugins).map(asRecord)) {
    const content = asRecord(typeof entry['path'] === 'string' && entry['path'] !== '' ? readFile(entry['path']) : entry['configuration'])
    if (entry['name'] === 'PodSecurity') settings.podSecurity = readPodSecurity(content)
    else if (entry['name'] === 'EventRateLimit') settings.eventLimits = asList(content['limits']).map(readLimit)
    else throw new Error(`admission configuration: plugin ${JSON.stringify(entry['name'])} takes no configuration here`)
  }
  return settings
}

function readPodSecurity(content: Json): PodSecurityConfiguration {
  const { policy, problems } = readPolicy(asRecord(content['defaults']) as Readonly<Record<string, string>>)
  const [problem] = problems
  if (problem !== undefined) throw new Error(`admission configuration: PodSecurity: defaults.${problem.field}: ${problem.message}`)
  const exemptions = asRecord(content['exemptions'])
  const names = (key: string): ReadonlySet<string> => new Set(asList(exemptions[key]).map(String))
  return {
    defaults: policy,
    exempt: { users: names('usernames'), runtimeClasses: names('runtimeClasses'), namespaces: names('namespaces') },
  }
}

function readLimit(value: unknown): EventLimit {
  const { type, qps, burst, cacheSize } = asRecord(value)
  const known = LIMIT_TYPES.find((candidate) => candidate === type)
  if (known === undefined) throw new Error(`admission configuration: EventRateLimit: unknown type ${JSON.stringify(type)}`)
  if (!isPositive(qps) || !isPositive(burst)) throw new Error('admission configuration: EventRateLimit: qps and burst must be positive')
  return { type: known, qps, burst, ...(isPositive(cacheSize) && { cacheSize }) }
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && value > 0
}

function asRecord(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
