/**
 * Ingress controller: serves Ingress objects of class traefik (or of the default class) with HTTP/1.1, WebSocket and TLS.
 * Takes Traefik's static arguments; those it has no use for are logged once.
 */
import { setMaxListeners } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import { endpointSlices, ingressClasses, ingresses, secrets, services } from '../../core/api/kinds.ts'
import type { Ingress } from '../../core/api/types/networking-v1.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { keyOf, objectKey } from '../../core/meta/object.ts'
import { createLogger } from '../../core/observability/log.ts'
import { sleep, systemClock } from '../../core/runtime/clock.ts'
import { serveEndpoints } from '../cluster/http-endpoint.ts'
import { connectInCluster } from '../cluster/in-cluster.ts'
import { processSignal } from '../cluster/signals.ts'
import { parseArguments } from './arguments.ts'
import { contextOf, selfSigned } from './certificates.ts'
import { forward, forwardUpgrade } from './proxy.ts'
import { isServed, matchesHost, matchRoute, type Route, routesOf, type Target, targetsOf } from './routes.ts'

const STATUS_EVERY_MS = 5_000

const log = createLogger({ level: 'info' })
const signal = processSignal()
setMaxListeners(0, signal)
const settings = parseArguments(process.argv.slice(2), (argument) => log.warn({ argument }, 'Argument is ignored'))
const { client, informers, transport } = connectInCluster({ userAgent: 'traefik/k3ts', log })
const ingressCache = informers.informer(ingresses)
const classCache = informers.informer(ingressClasses)
const serviceCache = informers.informer(services)
const sliceCache = informers.informer(endpointSlices, { labelSelector: 'kubernetes.io/service-name' })
const secretCache = informers.informer(secrets, { fieldSelector: 'type=kubernetes.io/tls' })
sliceCache.addIndex('service', ({ metadata }) => [objectKey(metadata.namespace, metadata.labels?.['kubernetes.io/service-name'] ?? '')])
const turns = new Map<string, number>()
const counts = new Map<string, number>()
let table: { readonly served: readonly Ingress[]; readonly routes: readonly Route[] } | undefined

try {
  await main()
} catch (err) {
  if (!signal.aborted) {
    log.fatal({ err }, 'The ingress controller stopped')
    process.exitCode = 1
  }
}

async function main(): Promise<void> {
  for (const cache of [ingressCache, classCache]) {
    cache.onChange(() => {
      table = undefined
    })
  }
  const { done } = await informers.start(signal)
  await informers.waitForSync(signal)
  const { cert, key } = selfSigned(systemClock.now())
  const servers = [
    listen(createServer(handler(false)), settings.web, false),
    listen(
      createTlsServer({ cert, key, SNICallback: (name, answer) => answer(null, contextFor(name)) }, handler(true)),
      settings.websecure,
      true,
    ),
  ]
  const admin = new Set([settings.traefik.port, settings.metrics.port])
  const endpoints = await Promise.all(
    [...admin].map((port) => serveEndpoints({ host: settings.web.host, port }, { '/ping': ping, '/metrics': metrics })),
  )
  log.info({ web: settings.web.port, websecure: settings.websecure.port }, 'Serving ingresses')
  await Promise.all([statusLoop(), done]).finally(async () => {
    for (const server of servers) server.close()
    await Promise.all([...endpoints, transport].map((one) => one[Symbol.asyncDispose]()))
  })
}

function ping(): { status: number; body: string } {
  return { status: 200, body: 'OK' }
}

function metrics(): { status: number; body: string } {
  const lines = [...counts].map(([code, value]) => `traefik_entrypoint_requests_total{code="${code}"} ${value}`)
  return { status: 200, body: ['# TYPE traefik_entrypoint_requests_total counter', ...lines, ''].join('\n') }
}

function current(): { readonly served: readonly Ingress[]; readonly routes: readonly Route[] } {
  if (table === undefined) {
    const served = ingressCache.list().filter((ingress) => isServed(ingress, classCache.list()))
    table = { served, routes: routesOf(served) }
  }
  return table
}

function handler(tls: boolean): RequestListener {
  return (incoming, response) => {
    response.on('finish', () => counts.set(String(response.statusCode), (counts.get(String(response.statusCode)) ?? 0) + 1))
    const target = targetFor(incoming)
    if (typeof target === 'object') forward(incoming, response, target, tls)
    else
      response
        .writeHead(target, { 'content-type': 'text/plain; charset=utf-8' })
        .end(target === 404 ? '404 page not found\n' : 'no available server\n')
  }
}

/** A target, or the status to answer: 404 without a route, 503 without a ready endpoint. */
function targetFor(incoming: IncomingMessage): Target | 404 | 503 {
  const path = (incoming.url ?? '/').split('?')[0] ?? '/'
  const route = matchRoute(current().routes, incoming.headers.host ?? '', path)
  const name = route?.backend.service?.name
  if (route === undefined || name === undefined) return 404
  const key = objectKey(route.namespace, name)
  const targets = targetsOf(route.backend, serviceCache.get(key), sliceCache.byIndex('service', key))
  if (targets === undefined) return 404
  const turn = (turns.get(key) ?? 0) + 1
  turns.set(key, turn)
  return targets[turn % targets.length] ?? 503
}

function listen(server: Server, address: { readonly host: string; readonly port: number }, tls: boolean): Server {
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    const target = targetFor(incoming)
    if (typeof target === 'object') forwardUpgrade(incoming, socket, head, { target, tls })
    else socket.end(`HTTP/1.1 ${target} \r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
  })
  server.on('error', (err) => {
    log.fatal({ err, port: address.port }, 'Entry point failed')
    process.exitCode = 1
    process.kill(process.pid, 'SIGTERM')
  })
  return server.listen(address.port, address.host)
}

/** The certificate of the Ingress that names the host; undefined shows the default one. */
function contextFor(name: string): SecureContext | undefined {
  for (const { metadata, spec } of current().served) {
    const entry = (spec.tls ?? []).find(({ hosts = [] }) => hosts.some((host) => matchesHost(host.toLowerCase(), name.toLowerCase())))
    if (entry?.secretName === undefined) continue
    const context = contextOf(secretCache.get(objectKey(metadata.namespace, entry.secretName)))
    if (context !== undefined) return context
  }
  return undefined
}

/** Copies the addresses of the controller's own Service to each Ingress it serves. */
async function statusLoop(): Promise<void> {
  const { publishedService } = settings
  if (publishedService === undefined) return
  for (;;) {
    const addresses = (serviceCache.get(publishedService)?.status.loadBalancer.ingress ?? []).map(({ ip, hostname }) => ({
      ...(ip !== undefined && { ip }),
      ...(hostname !== undefined && { hostname }),
    }))
    for (const ingress of current().served) {
      if (deepEqual(ingress.status.loadBalancer.ingress ?? [], addresses)) continue
      const name = { namespace: ingress.metadata.namespace, name: ingress.metadata.name }
      const body = { status: { loadBalancer: { ingress: addresses } } }
      await client
        .patch(ingresses, name, { type: 'merge', body }, { signal, subresource: 'status' })
        .catch((err: unknown) => log.warn({ err, key: keyOf(ingress) }, 'Status could not be written'))
    }
    await sleep(STATUS_EVERY_MS, signal)
  }
}
