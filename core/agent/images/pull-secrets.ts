import type { Secret } from '../../api/types/core-v1.ts'
import type { RegistryAuth } from '../cri/types.ts'
import type { ImageName } from './image-name.ts'

interface DockerAuthEntry {
  readonly username?: string
  readonly password?: string
  readonly auth?: string
  readonly identitytoken?: string
  readonly registrytoken?: string
}

/**
 * Credentials for an image among a pod's pull secrets, most specific path first; none at all: an anonymous pull.
 * A secret that cannot be read is skipped, as it may belong to another registry. Source: Kubernetes docs, "Specifying imagePullSecrets".
 */
export function credentialsFor(name: ImageName, secrets: readonly Secret[]): readonly RegistryAuth[] {
  const found: { readonly pattern: string; readonly auth: RegistryAuth }[] = []
  for (const secret of secrets)
    for (const [pattern, entry] of Object.entries(entriesOf(secret)))
      if (matches(pattern, name)) found.push({ pattern, auth: toAuth(pattern, entry) })
  return found.sort((a, b) => b.pattern.length - a.pattern.length).map(({ auth }) => auth)
}

function entriesOf(secret: Secret): Readonly<Record<string, DockerAuthEntry>> {
  const modern = secret.data?.['.dockerconfigjson']
  const legacy = secret.data?.['.dockercfg']
  try {
    if (modern !== undefined) return (JSON.parse(decode(modern)) as { auths?: Record<string, DockerAuthEntry> }).auths ?? {}
    if (legacy !== undefined) return JSON.parse(decode(legacy)) as Record<string, DockerAuthEntry>
  } catch {
    return {} // not JSON: worth nothing for any registry
  }
  return {}
}

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8')

/** `https://index.docker.io/v1/`, `registry.example:5000/team`, `*.example.com`: host globs by label, paths by prefix. */
function matches(pattern: string, name: ImageName): boolean {
  const bare = pattern.replace(/^https?:\/\//, '').replace(/\/+$/, '')
  const slash = bare.indexOf('/')
  const host = slash < 0 ? bare : bare.slice(0, slash)
  const path = slash < 0 ? '' : bare.slice(slash + 1).replace(/^v[12]$/, '')
  return matchesHost(host, name.registry) && (path === '' || name.repository === path || name.repository.startsWith(`${path}/`))
}

const DOCKER_HUB = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

function matchesHost(pattern: string, registry: string): boolean {
  if (DOCKER_HUB.has(pattern) && registry === 'docker.io') return true
  const wanted = pattern.split('.')
  const have = registry.split('.')
  if (wanted.length !== have.length) return false
  return wanted.every((label, index) =>
    new RegExp(`^${label.replace(/[\\^$+?()[\]{}|]/g, '\\$&').replaceAll('*', '[^.:]*')}$`).test(have[index] ?? ''),
  )
}

function toAuth(serverAddress: string, entry: DockerAuthEntry): RegistryAuth {
  return {
    username: entry.username,
    password: entry.password,
    auth: entry.auth,
    identityToken: entry.identitytoken,
    registryToken: entry.registrytoken,
    serverAddress,
  }
}
