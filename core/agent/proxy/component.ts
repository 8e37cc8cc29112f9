/**
 * Programs services and host ports into nftables, one transaction a change. Source: Kubernetes docs, virtual IPs and service proxies.
 */
import { execFile } from 'node:child_process'
import { endpointSlices, pods, services } from '../../api/kinds.ts'
import type { InformerFactory } from '../../client/informer.ts'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import { Backoff } from '../../runtime/backoff.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Component } from '../../runtime/component.ts'
import type { NftRunner } from './nft.ts'
import { hostPortsOf, type Route, routesOf } from './routes.ts'
import { buildRuleset, EMPTY_RULESET, type FrameOptions, frame, type Ruleset, transaction } from './ruleset.ts'

export interface ProxyDeps {
  readonly informers: InformerFactory
  /** A node sees its own pods under another identity than the services. */
  readonly podInformers: InformerFactory
  readonly nft: NftRunner
  readonly frame: FrameOptions
  readonly nodeName: string
  readonly clock: Clock
  readonly log: Logger
}

/** Changes within this time become one transaction; a rollout makes dozens. */
const GATHER_MS = 15
const SERVICE_INDEX = 'service'

export function serviceProxy(deps: ProxyDeps): Component {
  return {
    name: 'service proxy',
    start: async (signal) => {
      const serviceInformer = deps.informers.informer(services)
      const slices = deps.informers.informer(endpointSlices)
      const podInformer = deps.podInformers.informer(pods, { fieldSelector: `spec.nodeName=${deps.nodeName}` })
      slices.addIndex(SERVICE_INDEX, (slice) => [
        `${slice.metadata.namespace ?? ''}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`,
      ])
      const wake = new Wake()
      const removers = [
        serviceInformer.onChange(wake.call),
        slices.onChange(wake.call),
        podInformer.onChange((next, old) => (usesHostPorts(next) || usesHostPorts(old) ? wake.call() : undefined)),
      ]
      await Promise.all([deps.informers.waitForSync(signal), deps.podInformers.waitForSync(signal)])
      const routes = (): readonly Route[] =>
        serviceInformer
          .list()
          .flatMap((service) =>
            routesOf(service, slices.byIndex(SERVICE_INDEX, `${service.metadata.namespace ?? ''}/${service.metadata.name}`), deps.nodeName),
          )
      const state: State = { current: undefined, routes: [] }
      await sync(state, routes(), podInformer.list().flatMap(hostPortsOf), deps)
      signal.addEventListener('abort', wake.call, { once: true })
      const done = (async () => {
        const backoff = new Backoff({ baseMs: 200, maxMs: 10_000 })
        while (!isAborted(signal)) {
          await wake.next()
          if (isAborted(signal)) break
          await deps.clock.sleep(GATHER_MS, signal).catch(() => undefined)
          try {
            await sync(state, routes(), podInformer.list().flatMap(hostPortsOf), deps)
            backoff.reset()
          } catch (err) {
            // The table may be in any state, even gone: the next try builds it anew.
            state.current = undefined
            deps.log.error({ err }, 'Service rules not applied, retrying')
            await deps.clock.sleep(backoff.nextMs(), signal).catch(() => undefined)
            wake.call()
          }
        }
        for (const remove of removers) remove()
      })()
      return { done }
    },
  }
}

interface State {
  current: Ruleset | undefined
  routes: readonly Route[]
}

async function sync(state: State, routes: readonly Route[], hostPorts: Parameters<typeof buildRuleset>[1], deps: ProxyDeps): Promise<void> {
  const next = buildRuleset(routes, hostPorts)
  const { table } = deps.frame
  const script =
    state.current === undefined ? frame(deps.frame) + transaction(table, EMPTY_RULESET, next) : transaction(table, state.current, next)
  if (script !== '') await deps.nft(script)
  state.current = next
  forgetUdpFlows(state.routes, routes, deps.log)
  state.routes = routes
}

/** UDP has no end of connection: flows to endpoints that are gone would go on for ever, DNS first of all. */
function forgetUdpFlows(old: readonly Route[], next: readonly Route[], log: Logger): void {
  const endpoints = new Map(next.map((route) => [route.id, new Set(route.endpoints.map(({ ip, port }) => `${ip}:${port}`))]))
  for (const route of old.filter(({ protocol }) => protocol === 'udp')) {
    const gained = (endpoints.get(route.id)?.size ?? 0) > 0 && route.endpoints.length === 0
    const lost = route.endpoints.some(({ ip, port }) => endpoints.get(route.id)?.has(`${ip}:${port}`) !== true)
    if (!gained && !lost) continue
    for (const ip of route.clusterIps) {
      execFile('conntrack', ['-D', '-p', 'udp', '--orig-dst', ip, '--orig-port-dst', String(route.clusterPort)], (err) => {
        // Exit code 1 means that there was no such flow.
        if (err !== null && err.code !== 1) log.debug({ err }, 'Old UDP flows not dropped')
      })
    }
  }
}

function usesHostPorts(pod: Parameters<typeof hostPortsOf>[0] | undefined): boolean {
  return pod?.spec.containers.some((container) => container.ports?.some((port) => (port.hostPort ?? 0) > 0) === true) === true
}

/** Remembers that something happened while nobody waited. */
class Wake {
  #pending = false
  #resolve: (() => void) | undefined

  readonly call = (): void => {
    this.#pending = true
    this.#resolve?.()
  }

  async next(): Promise<void> {
    if (!this.#pending) await new Promise<void>((resolve) => (this.#resolve = resolve))
    this.#pending = false
    this.#resolve = undefined
  }
}
