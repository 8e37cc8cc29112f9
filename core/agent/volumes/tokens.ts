import { serviceAccounts } from '../../api/kinds.ts'
import type { TokenRequest } from '../../api/types/authentication-v1.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import type { Client } from '../../client/client.ts'
import type { Clock } from '../../runtime/clock.ts'

interface Cached {
  readonly token: string
  readonly renewAtMs: number
}

/** Renew after 80 % of the life, and every day at the latest. Source: Kubernetes, bound service account tokens. */
const RENEW_FRACTION = 0.8
const RENEW_AT_LATEST_MS = 24 * 3600 * 1000

/** Tokens of service accounts bound to their pods, kept until they should be renewed. */
export class PodTokens {
  readonly #client: Client
  readonly #clock: Clock
  readonly #cache = new Map<string, Cached>()

  constructor(client: Client, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  async get(pod: Pod, audience: string | undefined, expirationSeconds: number, signal: AbortSignal): Promise<string> {
    const key = `${pod.metadata.uid} ${audience ?? ''} ${expirationSeconds}`
    const cached = this.#cache.get(key)
    if (cached !== undefined && cached.renewAtMs > this.#clock.now()) return cached.token
    const issuedMs = this.#clock.now()
    const answer = await this.#request(pod, audience, expirationSeconds, signal)
    const lifeMs = Date.parse(answer.status.expirationTimestamp) - issuedMs
    this.#cache.set(key, { token: answer.status.token, renewAtMs: issuedMs + Math.min(lifeMs * RENEW_FRACTION, RENEW_AT_LATEST_MS) })
    return answer.status.token
  }

  /** When the first token of the pod wants renewal; undefined when it has none. */
  nextRenewal(uid: string): number | undefined {
    const times = [...this.#cache].filter(([key]) => key.startsWith(`${uid} `)).map(([, { renewAtMs }]) => renewAtMs)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  forget(uid: string): void {
    for (const key of this.#cache.keys()) if (key.startsWith(`${uid} `)) this.#cache.delete(key)
  }

  #request(pod: Pod, audience: string | undefined, expirationSeconds: number, signal: AbortSignal): Promise<TokenRequest> {
    const { name, namespace, uid } = pod.metadata
    const spec = {
      audiences: audience === undefined || audience === '' ? [] : [audience],
      expirationSeconds,
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
    }
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec }
    const account = { namespace, name: pod.spec.serviceAccountName ?? 'default' }
    return this.#client.createSubresource<TokenRequest>(serviceAccounts, account, 'token', body, { signal })
  }
}
