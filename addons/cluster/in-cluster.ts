import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '../../core/client/client.ts'
import { type HttpsTransport, httpsTransport } from '../../core/client/https.ts'
import { createInformerFactory, type InformerSet } from '../../core/client/informer-factory.ts'
import { createClient } from '../../core/client/typed-client.ts'
import type { Logger } from '../../core/observability/log.ts'
import { type Clock, systemClock } from '../../core/runtime/clock.ts'

/** Where the kubelet mounts the identity of a pod. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
/** The kubelet renews the token in place; client libraries of Kubernetes read it anew each minute. */
const TOKEN_AGE_MS = 60_000

export interface InCluster {
  readonly client: Client
  readonly informers: InformerSet
  readonly transport: HttpsTransport
}

export interface InClusterOptions {
  readonly userAgent: string
  readonly log: Logger
  readonly clock?: Clock
  /** Folder with `token` and `ca.crt`; for tests. */
  readonly folder?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Connects as the pod's ServiceAccount to the API server named in the environment. Throws when the process is not in a pod. */
export function connectInCluster(options: InClusterOptions): InCluster {
  const { env = process.env, clock = systemClock, folder = env.K3TS_SERVICE_ACCOUNT_DIR ?? SERVICE_ACCOUNT, log } = options
  const host = env.KUBERNETES_SERVICE_HOST
  const port = env.KUBERNETES_SERVICE_PORT
  if (host === undefined || port === undefined || host === '') {
    throw new Error('KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this program runs in a pod')
  }
  const transport = httpsTransport({
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readFileSync(join(folder, 'ca.crt'), 'utf8'),
    token: cachedToken(join(folder, 'token'), clock),
  })
  const client = createClient(transport, { userAgent: options.userAgent })
  return { client, transport, informers: createInformerFactory({ client, clock, log }) }
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
