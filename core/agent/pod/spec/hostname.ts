import type { HostAlias, Pod } from '../../../api/types/core-v1.ts'

const MAX_LABEL = 63

export interface PodHostname {
  /** What `hostname` prints inside the pod. */
  readonly hostname: string
  /** `<subdomain>.<namespace>.svc.<cluster domain>`, or empty. */
  readonly domain: string
}

/** Source: Kubernetes documentation, "Pod's hostname and subdomain fields". Throws Error when a name asked for is too long. */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { spec, metadata } = pod
  if (spec.hostnameOverride !== undefined && spec.hostnameOverride !== '') return { hostname: spec.hostnameOverride, domain: '' }
  const short = spec.hostname === undefined || spec.hostname === '' ? truncate(metadata.name) : spec.hostname
  const domain =
    spec.subdomain === undefined || spec.subdomain === '' ? '' : `${spec.subdomain}.${metadata.namespace ?? 'default'}.svc.${clusterDomain}`
  if (spec.setHostnameAsFQDN !== true || domain === '') return { hostname: short, domain }
  const full = `${short}.${domain}`
  if (full.length > 64)
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (64 characters is the max, ${full.length} characters requested)`,
    )
  return { hostname: full, domain }
}

function truncate(name: string): string {
  return name.length <= MAX_LABEL ? name : name.slice(0, MAX_LABEL).replace(/[-.]+$/, '')
}

const STANDARD = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
]

/** /etc/hosts of a pod with its own network. */
export function podHostsFile(pod: Pod, ips: readonly string[], { hostname, domain }: PodHostname): string {
  const short = hostname.endsWith(`.${domain}`) ? hostname.slice(0, -domain.length - 1) : hostname
  const names = domain === '' ? short : `${short}.${domain}\t${short}`
  const own = ips.map((ip) => `${ip}\t${names}`)
  return `${['# Kubernetes-managed hosts file.', ...STANDARD, ...own].join('\n')}\n${aliasLines(pod.spec.hostAliases)}`
}

/** /etc/hosts of a pod on the host's network: the host's own plus the aliases. */
export function hostNetworkHostsFile(pod: Pod, hostFile: string): string {
  return `# Kubernetes-managed hosts file (host network).\n${hostFile}${aliasLines(pod.spec.hostAliases)}`
}

function aliasLines(aliases: readonly HostAlias[] = []): string {
  if (aliases.length === 0) return ''
  return `\n# Entries added by HostAliases.\n${aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}\n`).join('')}`
}
