import type { UserInfo } from './auth/auth.ts'
import { GROUPS } from './auth/users.ts'
import { tooManyRequests } from './errors.ts'
import type { RequestMetrics } from './request-metrics.ts'

/** Requests at once. Source: --max-requests-inflight, --max-mutating-requests-inflight. */
export interface InFlightLimits {
  readonly reads: number
  readonly writes: number
}

export const DEFAULT_IN_FLIGHT: InFlightLimits = Object.freeze({ reads: 400, writes: 200 })

const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch'])

/** Places beyond the limit, as a part of it, for nodes and the parts of the cluster. Source: the shares of the levels `system` and `workload-high`. */
const RESERVED = 0.4
const SYSTEM_GROUPS: ReadonlySet<string> = new Set([GROUPS.nodes, `${GROUPS.serviceAccounts}:kube-system`])
const SYSTEM_USER = /^system:(?!serviceaccount:|node:|bootstrap:|anonymous$)/

/** Turns away what would pile up. Watches and tunnels are not counted, and the privileged group is never turned away. */
export interface InFlight {
  /** Takes a place. Throws StatusError TooManyRequests with Retry-After. Returns the function that gives it back, once. */
  enter(verb: string, user: UserInfo): () => void
}

/** Counts reading and writing requests apart. `enter` throws StatusError TooManyRequests at the limit. */
export function createInFlight(limits: InFlightLimits, metrics: RequestMetrics): InFlight {
  const current = { readOnly: 0, mutating: 0 }
  const leaving = { readOnly: leave('readOnly'), mutating: leave('mutating') }
  return {
    enter(verb, user) {
      const kind = READS.has(verb) ? 'readOnly' : 'mutating'
      const limit = kind === 'readOnly' ? limits.reads : limits.writes
      if (current[kind] >= limit && current[kind] >= limit * shareOf(user)) {
        metrics.rejected(kind)
        throw tooManyRequests('Too many requests, please try again later.', 1)
      }
      current[kind] += 1
      metrics.inFlight(kind, 1)
      return leaving[kind]
    },
  }

  function leave(kind: 'readOnly' | 'mutating'): () => void {
    return () => {
      current[kind] -= 1
      metrics.inFlight(kind, -1)
    }
  }
}

function shareOf({ name, groups }: UserInfo): number {
  if (groups.includes(GROUPS.masters)) return Infinity
  return SYSTEM_USER.test(name) || groups.some((group) => SYSTEM_GROUPS.has(group)) ? 1 + RESERVED : 1
}
