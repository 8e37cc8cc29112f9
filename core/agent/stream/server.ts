/**
 * The kubelet's HTTPS API: logs, sessions, pods, health, metrics. Callers are known by a certificate of the client authority or by a
 * bearer token; what they may do is decided by the API server. Source: Kubernetes docs, kubelet authentication and authorization.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Duplex } from 'node:stream'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { TLSSocket } from 'node:tls'
import type { Logger } from '../../observability/log.ts'
import { childController } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Component } from '../../runtime/component.ts'
import { SERVER_TLS } from '../../runtime/tls.ts'
import {
  type Action,
  type Caller,
  KubeletHttpError,
  type MetricSet,
  type PodDirectory,
  parseAction,
  requiredAccess,
  type StreamingRuntime,
} from './kubelet-api.ts'
import type { LogOptions } from './log-format.ts'
import { missingLog } from './missing-log.ts'
import { readLog } from './read-log.ts'
import { runningPods } from './running-pods.ts'
import { serveSession } from './sessions.ts'

export interface KubeletServerDeps {
  readonly address: string
  readonly port: number
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string }
  readonly pods: PodDirectory
  readonly runtime: StreamingRuntime
  /** Asks the API server who stands behind a bearer token (TokenReview); undefined when nobody does. */
  readonly authenticate: (token: string) => Promise<Caller | undefined>
  /** Asks the API server (SubjectAccessReview on nodes/<subresource>). */
  readonly authorize: (caller: Caller, access: { readonly verb: string; readonly subresource: string }) => Promise<boolean>
  readonly metrics: Readonly<Record<MetricSet, (signal: AbortSignal) => Promise<string>>>
  /** `configz` document. */
  readonly configuration: object
  /** `stats/summary` document. */
  readonly stats: (signal: AbortSignal) => Promise<unknown>
  readonly clock: Clock
  readonly log: Logger
}

/** Start rejects with one clear sentence when the port is taken. */
export function kubeletServer(deps: KubeletServerDeps): Component {
  return {
    name: 'kubelet API',
    start: async (signal) => {
      const server = createServer({
        cert: deps.tls.cert,
        key: deps.tls.key,
        ca: deps.tls.clientCa,
        requestCert: true,
        rejectUnauthorized: false,
        ...SERVER_TLS,
      })
      server.on('request', (request, response) => void serve(request, response, deps, signal))
      server.on(
        'upgrade',
        (request: IncomingMessage, socket: Duplex, head: Buffer) => void upgrade(request, socket, { head, deps, signal }),
      )
      server.on('tlsClientError', (err) => deps.log.debug({ err }, 'Kubelet API: handshake failed'))
      await listen(server, deps)
      const done = new Promise<void>((resolve) => {
        const close = (): void => {
          server.close(() => resolve())
          server.closeAllConnections()
        }
        if (signal.aborted) close()
        else signal.addEventListener('abort', close, { once: true })
      })
      return { done }
    },
  }
}

function listen(server: Server, { address, port }: KubeletServerDeps): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (err: NodeJS.ErrnoException) =>
      reject(
        err.code === 'EADDRINUSE' ? new Error(`port ${port} is in use: another kubelet or k3ts runs on this machine; stop it first`) : err,
      ),
    )
    server.listen(port, address, () => resolve())
  })
}

async function serve(request: IncomingMessage, response: ServerResponse, deps: KubeletServerDeps, parent: AbortSignal): Promise<void> {
  using child = childController(parent)
  response.on('close', () => child.abort(new Error('the client went away')))
  try {
    const action = await admit(request, deps)
    await answer(action, response, deps, child.signal)
  } catch (err) {
    if (child.signal.aborted) response.destroy()
    else if (response.headersSent) response.destroy(err as Error)
    else fail(response, err, deps.log)
  }
}

/** Authenticates and authorizes; throws KubeletHttpError 401, 403 or 404. */
async function admit(request: IncomingMessage, deps: KubeletServerDeps): Promise<Action> {
  const action = actionOf(request)
  const caller = callerOf(request.socket) ?? (await bearerOf(request, deps))
  if (caller === undefined) throw new KubeletHttpError(401, 'Unauthorized')
  if (action === undefined) throw new KubeletHttpError(404, '404 page not found')
  const access = requiredAccess(action, request.method ?? 'GET')
  if (await deps.authorize(caller, access)) return action
  throw new KubeletHttpError(403, `Forbidden (user=${caller.name}, verb=${access.verb}, resource=nodes, subresource=${access.subresource})`)
}

function actionOf({ url = '/' }: IncomingMessage): Action | undefined {
  // Not by `new URL`, which takes `//name` for another host.
  const mark = url.indexOf('?')
  return parseAction(mark < 0 ? url : url.slice(0, mark), new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)))
}

function callerOf(socket: Duplex): Caller | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const { CN, O } = socket.getPeerCertificate().subject
  const name = Array.isArray(CN) ? CN[0] : CN
  if (name === undefined) return undefined
  return { name, groups: [...(O === undefined ? [] : Array.isArray(O) ? O : [O]), 'system:authenticated'] }
}

function bearerOf({ headers }: IncomingMessage, { authenticate }: KubeletServerDeps): Promise<Caller | undefined> | undefined {
  const [, token] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? []
  return token === undefined ? undefined : authenticate(token)
}

async function answer(action: Action, response: ServerResponse, deps: KubeletServerDeps, signal: AbortSignal): Promise<void> {
  switch (action.kind) {
    case 'healthz':
      response.end('ok')
      return
    case 'pods':
      json(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: deps.pods.pods() })
      return
    case 'runningpods':
      json(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: runningPods(deps.pods) })
      return
    case 'configz':
      json(response, deps.configuration)
      return
    case 'metrics':
      response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
      response.end(await deps.metrics[action.set](signal))
      return
    case 'stats':
      json(response, await deps.stats(signal))
      return
    case 'logs':
      return sendLog(action, response, deps, signal)
    case 'exec':
    case 'attach':
    case 'port-forward':
      throw new KubeletHttpError(400, 'Upgrade request required')
  }
}

async function sendLog(
  action: Extract<Action, { readonly kind: 'logs' }>,
  response: ServerResponse,
  deps: KubeletServerDeps,
  signal: AbortSignal,
): Promise<void> {
  const pod = deps.pods.find(action.namespace, action.pod)
  if (pod === undefined) throw new KubeletHttpError(404, `pod ${action.namespace}/${action.pod} is not on this node`)
  const previous = action.query.get('previous') === 'true'
  const path = deps.pods.logPath(pod, action.container, previous)
  if (path === undefined) throw new KubeletHttpError(400, missingLog(pod, action.container, previous))
  const options = logOptions(action.query, deps.clock.now())
  const isRunning = (): boolean => !previous && deps.pods.container(pod, action.container)?.running === true
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.flushHeaders()
  await pipeline(Readable.from(readLog({ path, isRunning, clock: deps.clock }, options, signal), { objectMode: false }), response)
}

function logOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const number = (name: string): number | undefined => {
    const text = query.get(name)
    if (text === null || text === '') return undefined
    if (!/^\d+$/.test(text)) throw new KubeletHttpError(400, `${name}: ${JSON.stringify(text)} is not a number of at least 0`)
    return Number(text)
  }
  const sinceSeconds = number('sinceSeconds')
  const sinceTime = query.get('sinceTime')
  const stream = query.get('stream')
  return {
    follow: query.get('follow') === 'true',
    tailLines: number('tailLines'),
    sinceMs: sinceSeconds !== undefined ? nowMs - sinceSeconds * 1000 : sinceTime === null ? undefined : Date.parse(sinceTime),
    timestamps: query.get('timestamps') === 'true',
    limitBytes: number('limitBytes'),
    stream: stream === 'Stdout' || stream === 'Stderr' ? stream : 'All',
  }
}

async function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  context: { readonly head: Buffer; readonly deps: KubeletServerDeps; readonly signal: AbortSignal },
): Promise<void> {
  const { deps } = context
  using child = childController(context.signal)
  const end = (): void => void socket.destroy()
  // NOTE: the server forgets a socket that was upgraded, but waits for its end.
  context.signal.addEventListener('abort', end, { once: true })
  socket.on('error', end)
  socket.once('close', () => {
    context.signal.removeEventListener('abort', end)
    child.abort(new Error('the client went away'))
  })
  try {
    const action = await admit(request, deps)
    if (action.kind !== 'exec' && action.kind !== 'attach' && action.kind !== 'port-forward')
      throw new KubeletHttpError(400, 'this path takes no upgrade')
    await serveSession(action, { request, socket, head: context.head }, deps, child.signal)
  } catch (err) {
    const { status, text } = toHttp(err)
    if (status >= 500) deps.log.warn({ err }, 'Kubelet API: session failed')
    socket.end(
      `HTTP/1.1 ${status} Error\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    )
  }
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(value))
}

function fail(response: ServerResponse, err: unknown, log: Logger): void {
  const { status, text } = toHttp(err)
  if (status >= 500) log.warn({ err }, 'Kubelet API: request failed')
  response.writeHead(status, { 'content-type': 'text/plain' }).end(text)
}

function toHttp(err: unknown): { readonly status: number; readonly text: string } {
  return err instanceof KubeletHttpError ? { status: err.status, text: err.message } : { status: 500, text: (err as Error).message }
}
