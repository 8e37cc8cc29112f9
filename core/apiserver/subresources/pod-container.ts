import type { Pod } from '../../api/types/core-v1.ts'
import { badRequest } from '../errors.ts'

/** Names the container that a request without one is about. */
const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container'

/**
 * The container that a log, exec or attach request means. Throws StatusError BadRequest when it is unknown or ambiguous.
 * Source: kubernetes, registry/core/pod/strategy.go, validateContainer.
 */
export function containerOf(pod: Pod, wanted: string): string {
  const { name, annotations } = pod.metadata
  const names = pod.spec.containers.map((container) => container.name)
  const init = (pod.spec.initContainers ?? []).map((container) => container.name)
  const ephemeral = (pod.spec.ephemeralContainers ?? []).map((container) => container.name)
  const all = new Set([...names, ...init, ...ephemeral])
  if (wanted !== '') {
    if (all.has(wanted)) return wanted
    throw badRequest(`container ${wanted} is not valid for pod ${name}`)
  }
  const [only] = names
  if (only !== undefined && names.length === 1) return only
  const preferred = annotations?.[DEFAULT_CONTAINER] ?? ''
  if (all.has(preferred)) return preferred
  const choices = [
    ...(names.length > 0 ? [`, choose one of: [${names.join(' ')}]`] : []),
    ...(init.length > 0 ? [` or one of the init containers: [${init.join(' ')}]`] : []),
    ...(ephemeral.length > 0 ? [` or one of the ephemeral containers: [${ephemeral.join(' ')}]`] : []),
  ]
  throw badRequest(`a container name must be specified for pod ${name}${choices.join('')}`)
}
