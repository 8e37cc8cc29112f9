import { randomUUID } from 'node:crypto'
import { type request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { type Agent, request } from 'node:https'
import type { UserInfo } from '../../core/apiserver/auth/auth.ts'
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../core/apiserver/http/http-server.ts'
import type { Handler } from '../../core/apiserver/request.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { type Authority, createAuthority, type Identity, issue } from '../../core/pki/authority.ts'

export interface HttpBench extends AsyncDisposable {
  readonly server: HttpServer
  readonly url: string
  readonly port: number
  readonly authority: Authority
}

const ALT_NAMES = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] }

export function serverIdentity(authority: Authority): Identity {
  return issue(
    authority,
    { subject: { commonName: `server-${randomUUID()}`, organizations: [] }, usages: ['serverAuth'], altNames: ALT_NAMES },
    Date.now(),
  )
}

export function clientIdentity(authority: Authority, name: string, groups: readonly string[]): Identity {
  return issue(authority, { subject: { commonName: name, organizations: [...groups] }, usages: ['clientAuth'] }, Date.now())
}

export const ANYBODY: UserInfo = Object.freeze({ name: 'anybody', groups: [] })
export const asAnybody = (): Promise<UserInfo | undefined> => Promise.resolve(ANYBODY)

/** A listener on a free loopback port with its own authority. */
export async function openHttpBench(handler: Handler, options: Partial<HttpServerOptions> = {}): Promise<HttpBench> {
  const authority = createAuthority('test-server-ca', Date.now())
  const { certificatePem, keyPem } = serverIdentity(authority)
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    handler,
    authenticate: asAnybody,
    log: silentLogger,
    material: { certificate: certificatePem, key: keyPem },
    ...options,
  })
  const { port } = server
  return { server, port, url: `https://127.0.0.1:${port}`, authority, [Symbol.asyncDispose]: () => server.stop(0) }
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

export async function bodyOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export interface Call {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly client?: Identity
  readonly agent?: Agent
}

/** One HTTP/1.1 request on a connection of its own. */
export async function call1(bench: HttpBench, call: Call = {}): Promise<Answer> {
  const { method = 'GET', path = '/', headers = {}, body, client, agent } = call
  const options: RequestOptions & { readonly ca: string } = {
    host: '127.0.0.1',
    port: bench.port,
    method,
    path,
    headers,
    ca: bench.authority.certificatePem,
    agent: agent ?? false,
    ...(client !== undefined && { cert: client.certificatePem, key: client.keyPem }),
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing: ReturnType<typeof httpRequest> = request(options, resolve)
    outgoing.on('error', reject)
    outgoing.end(body)
  })
  return { status: response.statusCode ?? 0, headers: response.headers, body: await bodyOf(response) }
}

export function openHttp2(bench: HttpBench, client?: Identity): ClientHttp2Session {
  const session = connect(bench.url, {
    ca: bench.authority.certificatePem,
    ...(client !== undefined && { cert: client.certificatePem, key: client.keyPem }),
  })
  // What a test wants to know of a failure it learns from its request.
  session.on('error', () => undefined)
  return session
}

/** One HTTP/2 request on an open session. */
export async function call2(session: ClientHttp2Session, call: Call = {}): Promise<Answer> {
  const { method = 'GET', path = '/', headers = {}, body } = call
  const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined })
  const head = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
    stream.once('response', resolve)
    stream.once('error', reject)
    stream.once('close', () => reject(new Error('no answer')))
  })
  head.catch(() => undefined)
  if (body !== undefined) stream.end(body)
  const received = bodyOf(stream)
  received.catch(() => undefined)
  const responded = await head
  return { status: Number(responded[constants.HTTP2_HEADER_STATUS]), headers: responded, body: await received }
}

/** The same test over both protocols. */
export type AnyCall = (call?: Call) => Promise<Answer>

export interface Protocol {
  readonly name: string
  open(bench: HttpBench): { readonly call: AnyCall } & Disposable
}

const http1: Protocol = {
  name: 'HTTP/1.1',
  open: (bench) => ({ call: (call) => call1(bench, call), [Symbol.dispose]: () => undefined }),
}

const http2: Protocol = {
  name: 'HTTP/2',
  open: (bench) => {
    const session = openHttp2(bench)
    return { call: (call) => call2(session, call), [Symbol.dispose]: () => session.destroy() }
  },
}

export const PROTOCOLS: readonly Protocol[] = [http1, http2]

export function statusOf(answer: Answer): {
  readonly reason?: string
  readonly message?: string
  readonly code?: number
  readonly kind?: string
} {
  return JSON.parse(answer.body.toString()) as { reason?: string }
}
