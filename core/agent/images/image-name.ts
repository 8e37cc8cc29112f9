/** The parts of an image reference, with the registry and tag that stand for an omitted one. */
export interface ImageName {
  /** Such as `docker.io`. */
  readonly registry: string
  /** Such as `library/busybox`. */
  readonly repository: string
  readonly tag?: string | undefined
  readonly digest?: string | undefined
}

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`)
const DOMAIN = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/
const TAG = /^[\w][\w.-]{0,127}$/
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/

/** Parses what users write in `image`. Answers the problem's text for what is no reference. Source: the grammar of distribution references. */
export function parseImageName(text: string): ImageName | string {
  const [rest = '', digest, ...more] = text.split('@')
  if (more.length > 0 || (digest !== undefined && !DIGEST.test(digest))) return 'invalid reference format'
  const colon = rest.lastIndexOf(':')
  const hasTag = colon > rest.lastIndexOf('/')
  const path = hasTag ? rest.slice(0, colon) : rest
  const tag = hasTag ? rest.slice(colon + 1) : undefined
  if (tag !== undefined && !TAG.test(tag)) return 'invalid reference format'
  const { registry, repository } = splitRegistry(path)
  if (/[A-Z]/.test(repository)) return `invalid reference format: repository name (${repository}) must be lowercase`
  if (!DOMAIN.test(registry) || !REPOSITORY.test(repository) || repository.length > 255) return 'invalid reference format'
  return { registry, repository, tag, digest }
}

function splitRegistry(path: string): { readonly registry: string; readonly repository: string } {
  const slash = path.indexOf('/')
  const first = slash < 0 ? '' : path.slice(0, slash)
  const isRegistry = first.includes('.') || first.includes(':') || first === 'localhost' || first !== first.toLowerCase()
  if (!isRegistry) return { registry: 'docker.io', repository: slash < 0 ? `library/${path}` : path }
  const registry = first === 'index.docker.io' ? 'docker.io' : first
  const rest = path.slice(slash + 1)
  return { registry, repository: registry === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest }
}

/** The reference with `:latest` where neither tag nor digest is given, otherwise as written. */
export function withDefaultTag(text: string, name: ImageName): string {
  return name.tag === undefined && name.digest === undefined ? `${text}:latest` : text
}

/** The full form under which containerd stores an image. */
export function canonicalImageName(name: ImageName): string {
  const { registry, repository, tag, digest } = name
  if (digest !== undefined) return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}@${digest}`
  return `${registry}/${repository}:${tag ?? 'latest'}`
}
