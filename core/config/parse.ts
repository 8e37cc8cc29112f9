import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import ipaddr from 'ipaddr.js'
import { apiServerArgs, controllerManagerArgs, idleArgs, kubeletArgs } from './component-args.ts'
import { freezeDeep } from './freeze.ts'
import { type Command, FLAGS, type Flag, IDLE_FLAGS } from './flags.ts'
import { detectNodeIp, interfaceIp } from './node-ip.ts'
import type { AgentConfig, ServerConfig } from './config.ts'
import { fromEnvironment, fromFiles, type RawValues } from './sources.ts'

/** Secrets apart from the record, so that a printed configuration never shows them. */
export interface Secrets {
  readonly token?: string
}

export interface Parsed {
  readonly config: ServerConfig
  readonly secrets: Secrets
  readonly warnings: readonly string[]
}

/** All problems at once, one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

export interface ParseInput {
  readonly command: Command
  /** Values given on the command line, by flag name. */
  readonly flags: RawValues
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Flags over environment over file over default. Throws ConfigError with every problem. */
export function parseConfig(input: ParseInput): Parsed {
  const env = fromEnvironment(input.env, input.command)
  const configPath = env.get('config')?.at(-1) ?? input.flags.get('config')?.at(-1)
  const files = fromFiles(configPath ?? defaultOf('config'), input.command, configPath !== undefined)
  const values = new Values([input.flags, env, files.values])
  const problems: string[] = [...files.problems]
  const warnings = [...idleFlags(input.flags), ...files.warnings]
  const config = buildServer(values, problems, warnings)
  const token = tokenOf(values, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    config: freezeDeep(config),
    secrets: { ...(token !== undefined && { token }) },
    warnings,
  }
}

function idleFlags(given: RawValues): readonly string[] {
  return Object.entries(IDLE_FLAGS).flatMap(([name, why]) => (given.has(name) ? [`--${name} has no effect: ${why}`] : []))
}

/** Looks a flag up through the sources in order of precedence. */
class Values {
  readonly #sources: readonly RawValues[]

  constructor(sources: readonly RawValues[]) {
    this.#sources = sources
  }

  optional(name: string): string | undefined {
    for (const source of this.#sources) {
      const value = source.get(name)?.at(-1)
      if (value !== undefined) return value
    }
    return flagNamed(name).default
  }

  string(name: string): string {
    return this.optional(name) ?? ''
  }

  boolean(name: string, problems: string[]): boolean {
    const value = this.optional(name)?.toLowerCase()
    if (value === undefined || value === 'false' || value === '0' || value === 'f') return false
    if (value === 'true' || value === '1' || value === 't' || value === '') return true
    problems.push(`--${name}: "${value}" is not true or false`)
    return false
  }

  integer(name: string, range: readonly [number, number], problems: string[]): number {
    const text = this.string(name)
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= range[0] && value <= range[1]) return value
    problems.push(`--${name}: "${text}" is not a number from ${range[0]} to ${range[1]}`)
    return range[0]
  }

  /** Repeatable; each value may hold a comma list. */
  list(name: string): readonly string[] {
    return this.each(name)
      .flatMap((item) => item.split(','))
      .map((item) => item.trim())
      .filter((item) => item !== '')
  }

  /** Repeatable, each value whole: commas are part of it. */
  each(name: string): readonly string[] {
    return this.#sources.find((source) => source.has(name))?.get(name) ?? []
  }
}

function buildServer(values: Values, problems: string[], warnings: string[]): ServerConfig {
  const dataDir = values.string('data-dir')
  const serviceCidr = cidr(values, 'service-cidr', problems)
  const clusterCidr = cidr(values, 'cluster-cidr', problems)
  const clusterDns = values.optional('cluster-dns') ?? tenthAddress(serviceCidr)
  if (problems.length === 0) problems.push(...networkProblems({ serviceCidr, clusterCidr, clusterDns }))
  const agent = buildAgent(values, { dataDir, serviceCidr, clusterCidr, clusterDns, warnings }, problems)
  idleArgs((flag) => values.each(flag), { problems, warnings })
  const group = values.optional('write-kubeconfig-group')
  const helmJobImage = values.optional('helm-job-image')
  const logFile = values.optional('log')
  const bindAddress = address(values, 'bind-address', '0.0.0.0', problems)
  return {
    dataDir,
    bindAddress,
    httpsPort: values.integer('https-listen-port', [1, 65_535], problems),
    advertiseAddress: address(values, 'advertise-address', agent.nodeExternalIp ?? agent.nodeIp, problems),
    tlsSans: values.list('tls-san'),
    clusterCidr,
    serviceCidr,
    serviceNodePortRange: portRange(values, problems),
    clusterDns,
    clusterDomain: values.string('cluster-domain'),
    kubeconfig: {
      path: values.string('write-kubeconfig'),
      mode: fileMode(values, problems),
      ...(group !== undefined && { gid: groupId(group, problems) }),
      contextName: values.string('write-kubeconfig-name'),
    },
    disable: values.list('disable'),
    disableHelmController: values.boolean('disable-helm-controller', problems),
    disableCloudController: values.boolean('disable-cloud-controller', problems),
    disableKubeProxy: values.boolean('disable-kube-proxy', problems),
    disableNetworkPolicy: values.boolean('disable-network-policy', problems),
    disableScheduler: values.boolean('disable-scheduler', problems),
    disableAgent: values.boolean('disable-agent', problems),
    ...(helmJobImage !== undefined && { helmJobImage }),
    defaultLocalStoragePath: values.optional('default-local-storage-path') ?? join(dataDir, 'storage'),
    serviceLbNamespace: values.string('servicelb-namespace'),
    systemDefaultRegistry: values.string('system-default-registry'),
    componentImages: oneOf(values, 'component-images', ['auto', 'upstream', 'embedded'], problems),
    logLevel: values.boolean('debug', problems) || values.integer('v', [0, 10], problems) > 0 ? 'debug' : 'info',
    ...(logFile !== undefined && { logFile }),
    apiServer: apiServerArgs(values.each('kube-apiserver-arg'), problems, warnings),
    controllerManager: controllerManagerArgs(values.each('kube-controller-manager-arg'), problems, warnings),
    agent,
  }
}

interface Shared {
  readonly dataDir: string
  readonly serviceCidr: string
  readonly clusterCidr: string
  readonly clusterDns: string
  /** Added to. */
  readonly warnings: string[]
}

function buildAgent(values: Values, shared: Shared, problems: string[]): AgentConfig {
  const nodeExternalIp = values.optional('node-external-ip')
  const resolvConf = values.optional('resolv-conf')
  const containerRuntimeEndpoint = values.optional('container-runtime-endpoint')
  const nodeName = (values.optional('node-name') ?? hostname()).toLowerCase()
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(nodeName))
    problems.push(`--node-name: "${nodeName}" is not a DNS name; give one with --node-name`)
  const detected = nodeIp(values, problems)
  return {
    dataDir: shared.dataDir,
    nodeName,
    nodeIp: detected === undefined ? '' : address(values, 'node-ip', detected, problems),
    ...(nodeExternalIp !== undefined && { nodeExternalIp }),
    nodeLabels: values.list('node-label'),
    nodeTaints: values.list('node-taint'),
    ...(resolvConf !== undefined && { resolvConf }),
    ...(containerRuntimeEndpoint !== undefined && { containerRuntimeEndpoint }),
    pauseImage: values.optional('pause-image') ?? '',
    snapshotter: oneOf(values, 'snapshotter', ['overlayfs', 'native', 'btrfs', 'zfs'], problems),
    flannelBackend: oneOf(values, 'flannel-backend', ['vxlan', 'host-gw', 'none'], problems),
    kubeletPort: 10_250,
    clusterDns: shared.clusterDns,
    clusterDomain: values.string('cluster-domain'),
    clusterCidr: shared.clusterCidr,
    serviceCidr: shared.serviceCidr,
    kubeletArgs: kubeletArgs(values.each('kubelet-arg'), problems, shared.warnings),
  }
}

/** As given, else that of `--flannel-iface`, else that of the default route. */
function nodeIp(values: Values, problems: string[]): string | undefined {
  const given = values.optional('node-ip')
  if (given !== undefined) return given
  const iface = values.optional('flannel-iface')
  const found = iface === undefined ? detectNodeIp() : interfaceIp(iface)
  if (found !== undefined) return found
  problems.push(
    iface === undefined
      ? 'this machine has no address but loopback; give one with --node-ip'
      : `--flannel-iface: this machine has no interface "${iface}" with an IPv4 address`,
  )
  return undefined
}

function address(values: Values, name: string, fallback: string, problems: string[]): string {
  const text = values.optional(name) ?? fallback
  if (!ipaddr.isValid(text)) problems.push(`--${name}: "${text}" is not an IP address`)
  return text
}

function cidr(values: Values, name: string, problems: string[]): string {
  const text = values.string(name)
  if (!ipaddr.isValidCIDR(text)) problems.push(`--${name}: "${text}" is not a network such as 10.42.0.0/16`)
  else if (!ipaddr.IPv4.isValidCIDR(text)) problems.push(`--${name}: "${text}": only IPv4 networks are supported by this version`)
  return text
}

function networkProblems({ serviceCidr, clusterCidr, clusterDns }: Omit<Shared, 'dataDir' | 'warnings'>): readonly string[] {
  const problems: string[] = []
  const [services, pods] = [ipaddr.IPv4.parseCIDR(serviceCidr), ipaddr.IPv4.parseCIDR(clusterCidr)]
  const narrower = Math.min(services[1], pods[1])
  if (services[0].match(pods[0], narrower))
    problems.push(`--cluster-cidr ${clusterCidr} and --service-cidr ${serviceCidr} overlap; choose networks apart`)
  if (!ipaddr.IPv4.isValid(clusterDns)) problems.push(`--cluster-dns: "${clusterDns}" is not an IPv4 address`)
  else if (!ipaddr.IPv4.parse(clusterDns).match(services))
    problems.push(`--cluster-dns: ${clusterDns} is not in --service-cidr ${serviceCidr}`)
  return problems
}

/** The cluster DNS address that K3s and kubeadm choose: network + 10. */
function tenthAddress(network: string): string {
  if (!ipaddr.IPv4.isValidCIDR(network)) return ''
  const bytes = ipaddr.IPv4.networkAddressFromCIDR(network).toByteArray()
  const last = bytes[3] ?? 0
  return [...bytes.slice(0, 3), last + 10].join('.')
}

function portRange(values: Values, problems: string[]): readonly [number, number] {
  const text = values.string('service-node-port-range')
  const match = /^(\d+)-(\d+)$/.exec(text)
  const low = Number(match?.[1])
  const high = Number(match?.[2])
  if (match !== null && low >= 1 && low <= high && high <= 65_535) return [low, high]
  problems.push(`--service-node-port-range: "${text}" is not a range such as 30000-32767`)
  return [30_000, 32_767]
}

function fileMode(values: Values, problems: string[]): number {
  const text = values.string('write-kubeconfig-mode')
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8)
  problems.push(`--write-kubeconfig-mode: "${text}" is not a file mode such as 0600`)
  return 0o600
}

function oneOf<T extends string>(values: Values, name: string, allowed: readonly T[], problems: string[]): T {
  const text = values.string(name)
  const found = allowed.find((item) => item === text)
  if (found === undefined) problems.push(`--${name}: "${text}" is not one of ${allowed.join(', ')}`)
  return found ?? (allowed[0] as T)
}

/** From the flag or the file that it names. */
function tokenOf(values: Values, problems: string[]): string | undefined {
  const file = values.optional('token-file')
  const given = values.optional('token')
  if (given !== undefined || file === undefined) return checkedToken(given, '--token', problems)
  try {
    return checkedToken(readFileSync(file, 'utf8').trim(), `--token-file: ${file}`, problems)
  } catch (err) {
    problems.push(`--token-file: cannot read ${file}: ${(err as Error).message}`)
    return undefined
  }
}

function checkedToken(token: string | undefined, source: string, problems: string[]): string | undefined {
  if (token === '') problems.push(`${source} holds no token; give one or start without the flag, and one is made`)
  else if (token !== undefined && /\s/.test(token)) problems.push(`${source}: a token has no spaces or line breaks in it`)
  return token
}

/** By number, or by name in /etc/group. */
function groupId(text: string, problems: string[]): number {
  if (/^\d+$/.test(text)) return Number(text)
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${text}:`))
  if (line === undefined) problems.push(`--write-kubeconfig-group: there is no group "${text}" on this machine`)
  return Number(line?.split(':')[2] ?? 0)
}

function flagNamed(name: string): Flag {
  const flag = FLAGS.find((item) => item.name === name)
  if (flag === undefined) throw new Error(`no flag is called ${name}`)
  return flag
}

function defaultOf(name: string): string {
  return flagNamed(name).default ?? ''
}
