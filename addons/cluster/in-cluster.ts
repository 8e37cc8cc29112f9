import type { Client } from '../../core/client/client.ts'
import { type HttpsTransport, httpsTransport } from '../../core/client/https.ts'
import { createInformerFactory, type InformerSet } from '../../core/client/informer-factory.ts'
import { createClient } from '../../core/client/typed-client.ts'
import type { Logger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { readServiceAccount, type ServiceAccountOptions } from './service-account.ts'

export interface InCluster {
  readonly client: Client
  readonly informers: InformerSet
  readonly transport: HttpsTransport
}

export interface InClusterOptions extends ServiceAccountOptions {
  readonly userAgent: string
  readonly log: Logger
}

/** Connects as the pod's ServiceAccount to the API server named in the environment. Throws when the process is not in a pod. */
export function connectInCluster(options: InClusterOptions): InCluster {
  const { clock = systemClock, log } = options
  const { host, port, ca, token } = readServiceAccount(options)
  const transport = httpsTransport({ url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, ca, token })
  const client = createClient(transport, { userAgent: options.userAgent })
  return { client, transport, informers: createInformerFactory({ client, clock, log }) }
}
