import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../core/runtime/clock.ts'

/** Where the kubelet mounts the identity of a pod. */
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'
/** The kubelet renews the token in place; client libraries of Kubernetes read it anew each minute. */
const TOKEN_AGE_MS = 60_000

/** Who the pod is, and where it finds the API server. */
export interface ServiceAccount {
  readonly host: string
  readonly port: string
  /** PEM of the cluster's authorities. */
  readonly ca: string
  /** Asked before each request. */
  readonly token: () => string
}

export interface ServiceAccountOptions {
  readonly clock?: Clock
  /** Folder with `token` and `ca.crt`; for tests. */
  readonly folder?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Throws when the process is not in a pod. */
export function readServiceAccount(options: ServiceAccountOptions = {}): ServiceAccount {
  const { env = process.env, clock = systemClock, folder = env.K3TS_SERVICE_ACCOUNT_DIR ?? FOLDER } = options
  const host = env.KUBERNETES_SERVICE_HOST
  const port = env.KUBERNETES_SERVICE_PORT
  if (host === undefined || port === undefined || host === '') {
    throw new Error('KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this program runs in a pod')
  }
  return { host, port, ca: readFileSync(join(folder, 'ca.crt'), 'utf8'), token: cachedToken(join(folder, 'token'), clock) }
}

function cachedToken(path: string, clock: Clock): () => string {
  let token = ''
  let readAtMs = Number.NEGATIVE_INFINITY
  return () => {
    if (clock.now() - readAtMs < TOKEN_AGE_MS) return token
    token = readFileSync(path, 'utf8').trim()
    readAtMs = clock.now()
    return token
  }
}
