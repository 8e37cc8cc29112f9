import { parseDuration } from '../../core/meta/duration.ts'

/** What the arguments of the public program mean here. */
export interface Settings {
  readonly port: number
  readonly resolutionMs: number
  /** Kinds of node addresses in the order they are tried. */
  readonly addressTypes: readonly string[]
  /** Absent: the port that each node names in its status. */
  readonly kubeletPort?: number
  /** Absent: the cluster's own authorities. */
  readonly kubeletAuthorityFile?: string
  readonly verifyKubelet: boolean
  /** A certificate of the operator's own for this server; absent: one it makes for itself. */
  readonly certificate?: { readonly certFile: string; readonly keyFile: string }
}

const DEFAULT_ADDRESS_TYPES = 'Hostname,InternalDNS,InternalIP,ExternalDNS,ExternalIP'
const DEFAULT_KUBELET_PORT = 10_250

/**
 * Reads `--name=value`, `--name value` and `--switch`. Others are left to the public program, whose manifests may name them.
 * Throws for a value that cannot be used.
 */
export function readSettings(args: readonly string[]): Settings {
  const given = valuesOf(args)
  const resolutionMs = parseDuration(given.get('metric-resolution') ?? '1m')
  if (resolutionMs === undefined || resolutionMs < 10_000) throw new Error('--metric-resolution: want a duration of at least 10s')
  const statusPort = isOn(given.get('kubelet-use-node-status-port'))
  const authority = given.get('kubelet-certificate-authority')
  const [certFile, keyFile] = [given.get('tls-cert-file'), given.get('tls-private-key-file')]
  return {
    port: number(given, 'secure-port', 443),
    resolutionMs,
    addressTypes: (given.get('kubelet-preferred-address-types') ?? DEFAULT_ADDRESS_TYPES).split(',').map((type) => type.trim()),
    ...(!statusPort && { kubeletPort: number(given, 'kubelet-port', DEFAULT_KUBELET_PORT) }),
    ...(authority !== undefined && { kubeletAuthorityFile: authority }),
    verifyKubelet: !isOn(given.get('kubelet-insecure-tls')),
    ...(certFile !== undefined && keyFile !== undefined && { certificate: { certFile, keyFile } }),
  }
}

function valuesOf(args: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const [at, text] of args.entries()) {
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/.exec(text) ?? []
    if (name === undefined) continue
    const next = args[at + 1]
    values.set(name, value ?? (next === undefined || next.startsWith('--') ? 'true' : next))
  }
  return values
}

function isOn(value: string | undefined): boolean {
  return value === 'true'
}

function number(given: ReadonlyMap<string, string>, name: string, fallback: number): number {
  const text = given.get(name)
  if (text === undefined) return fallback
  if (!/^\d{1,5}$/.test(text)) throw new Error(`--${name}: want a port, not ${JSON.stringify(text)}`)
  return Number(text)
}
