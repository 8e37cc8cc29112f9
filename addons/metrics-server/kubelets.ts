import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { nodes } from '../../core/api/kinds.ts'
import type { Node } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Logger } from '../../core/observability/log.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import type { ServiceAccount } from '../cluster/service-account.ts'
import { exchange } from './https-get.ts'
import { type NodeScrape, parseScrape } from './scrape.ts'
import type { Settings } from './settings.ts'

export interface KubeletsDeps {
  readonly client: Client
  readonly account: ServiceAccount
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Logger
}

/** So many kubelets are asked at a time: a large cluster must not open all connections at once. */
const CONCURRENCY = 16

/** Asks all kubelets once; one that does not answer is left out, with a line in the log. Rejects when nodes cannot be listed. */
export function kubeletScraper(deps: KubeletsDeps): (signal: AbortSignal) => Promise<ReadonlyMap<string, NodeScrape>> {
  const { client, account, settings, log } = deps
  const { kubeletAuthorityFile: file, verifyKubelet } = settings
  const ca = file === undefined ? account.ca : readFileSync(file, 'utf8')
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, rejectUnauthorized: verifyKubelet })
  return async (signal) => {
    const scrapes = new Map<string, NodeScrape>()
    const waiting = [...(await client.list(nodes, {}, signal)).items]
    const work = async (): Promise<void> => {
      for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
        try {
          scrapes.set(node.metadata.name, await scrape(node, agent, deps, signal))
        } catch (err) {
          if (!signal.aborted) log.warn({ err, node: node.metadata.name }, 'Node does not answer')
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, waiting.length) }, work))
    return scrapes
  }
}

async function scrape(node: Node, agent: Agent, { account, settings, clock }: KubeletsDeps, signal: AbortSignal): Promise<NodeScrape> {
  const host = addressOf(node, settings.addressTypes)
  if (host === undefined) throw new Error(`node ${node.metadata.name} has no address of the kinds ${settings.addressTypes.join(', ')}`)
  const port = settings.kubeletPort ?? node.status.daemonEndpoints.kubeletEndpoint.Port
  const headers = { authorization: `Bearer ${account.token()}` }
  const { status, body } = await exchange({ agent, host, port, path: '/metrics/resource', headers }, undefined, signal)
  const text = Buffer.from(body).toString()
  if (status !== 200) throw new Error(`the kubelet at ${host}:${port} answered ${status}: ${text.slice(0, 200)}`)
  return parseScrape(text, clock.now())
}

/** The first address of the kind that comes first in the list. */
export function addressOf({ status }: Node, types: readonly string[]): string | undefined {
  for (const type of types) {
    const found = status.addresses?.find((address) => address.type === type)
    if (found !== undefined) return found.address
  }
  return undefined
}
