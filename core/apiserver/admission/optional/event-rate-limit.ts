import type { Event } from '../../../api/types/core-v1.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { tooManyRequests } from '../../errors.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'

/** One limit of the plugin's configuration; each key of its type has a bucket of its own. */
export interface EventLimit {
  readonly type: 'Server' | 'Namespace' | 'User' | 'SourceAndObject'
  readonly qps: number
  readonly burst: number
  /** Buckets remembered; default 4096. */
  readonly cacheSize?: number
}

interface Bucket {
  tokens: number
  filledAtMs: number
}

const DEFAULT_CACHE_SIZE = 4096

/** Keeps events from flooding the store. Off by default, and without limits it does nothing. Source: kubernetes, plugin/pkg/admission/eventratelimit. */
export function eventRateLimit({ clock, limits }: { readonly clock: Clock; readonly limits: readonly EventLimit[] }): AdmissionPlugin {
  const limiters = limits.map((limit) => limiter(limit, clock))
  return {
    name: 'EventRateLimit',
    handles: ({ operation, subresource, def, dryRun }) =>
      def.resource === 'events' && subresource === '' && !dryRun && (operation === 'CREATE' || operation === 'UPDATE'),
    validate: (attributes) => {
      const refused = limiters.flatMap((take) => take(attributes) ?? [])
      if (refused.length > 0) throw tooManyRequests(refused.join(', '), 1)
    },
  }
}

/** Takes a token; answers the text of a refusal when there is none. */
function limiter(
  { type, qps, burst, cacheSize = DEFAULT_CACHE_SIZE }: EventLimit,
  clock: Clock,
): (attributes: AdmissionAttributes) => string | undefined {
  const buckets = new Map<string, Bucket>()
  return (attributes) => {
    const key = keyOf(type, attributes)
    const nowMs = clock.now()
    const bucket = buckets.get(key) ?? { tokens: burst, filledAtMs: nowMs }
    buckets.delete(key)
    const oldest = buckets.size < cacheSize ? undefined : buckets.keys().next().value
    if (oldest !== undefined) buckets.delete(oldest)
    buckets.set(key, bucket)
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.filledAtMs) / 1000) * qps)
    bucket.filledAtMs = nowMs
    if (bucket.tokens < 1) return `limit reached on type ${type} for key ${key}`
    bucket.tokens -= 1
    return undefined
  }
}

function keyOf(type: EventLimit['type'], { namespace, user, object }: AdmissionAttributes): string {
  switch (type) {
    case 'Server':
      return ''
    case 'Namespace':
      return namespace
    case 'User':
      return user.name
    case 'SourceAndObject': {
      const { source, involvedObject: about } = object as unknown as Partial<Event>
      return [source?.component, source?.host, about?.kind, about?.namespace, about?.name, about?.uid, about?.apiVersion].join('')
    }
  }
}
