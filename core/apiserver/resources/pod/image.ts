/**
 * The pull policy Kubernetes defaults to: Always for a floating tag (`latest`, or no tag and no digest), else IfNotPresent.
 * A reference that cannot be read counts as pinned. Source: Kubernetes documentation, "Images", default image pull policy.
 */
export function defaultPullPolicy(image: string | undefined): 'Always' | 'IfNotPresent' {
  if (image === undefined || image === '') return 'IfNotPresent'
  const at = image.indexOf('@')
  const named = at < 0 ? image : image.slice(0, at)
  const colon = named.lastIndexOf(':')
  const tag = colon > named.lastIndexOf('/') ? named.slice(colon + 1) : ''
  if (tag === 'latest') return 'Always'
  return tag === '' && at < 0 && isReadable(named) ? 'Always' : 'IfNotPresent'
}

/** Repository paths are lower case; a first part with a dot or port is a host, which need not be. */
function isReadable(name: string): boolean {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  const path = /[.:]|^localhost$/.test(first) ? name.slice(slash + 1) : name
  return /^[a-z0-9._/-]+$/.test(path)
}
