import { type Dispatcher, Pool } from 'undici'
import type { Transport, TransportRequest, TransportResponse, TransportStream } from './transport.ts'

export interface HttpsOptions {
  /** Scheme, host and port of an API server, such as `https://127.0.0.1:6443`. */
  readonly url: string
  /** PEM of the authorities to trust. Absent: the system's. */
  readonly ca?: string
  /** PEM pair of a client certificate. */
  readonly certificate?: { readonly cert: string; readonly key: string }
  /** Asked before each request, so that a renewed token is used without a new transport. */
  readonly token?: () => string
  /** Name to verify the server's certificate against when it is not the host of `url`. */
  readonly serverName?: string
  /** Default true: one connection carries all requests and watches. */
  readonly http2?: boolean
}

export interface HttpsTransport extends Transport, AsyncDisposable {}

/** How long a server may take to send the head of an answer; bodies (watches, logs) have no limit. */
const HEADERS_TIMEOUT_MS = 60_000
const CONNECT_TIMEOUT_MS = 10_000
/** Watches and requests of one client share an HTTP/2 session; more than this opens another. */
const MAX_STREAMS = 250

/** Talks to an API server over TLS. Dispose it to close its connections. */
export function httpsTransport(options: HttpsOptions): HttpsTransport {
  const pool = new Pool(options.url, {
    allowH2: options.http2 ?? true,
    h2Options: { maxConcurrentStreams: MAX_STREAMS },
    headersTimeout: HEADERS_TIMEOUT_MS,
    bodyTimeout: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    connect: {
      ...(options.ca !== undefined && { ca: options.ca }),
      ...options.certificate,
      ...(options.serverName !== undefined && { servername: options.serverName }),
    },
  })
  const send = (request: TransportRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> =>
    pool.request({
      method: request.method,
      path: request.path,
      headers: { ...request.headers, ...(options.token !== undefined && { authorization: `Bearer ${options.token()}` }) },
      signal,
      ...(request.body !== undefined && { body: request.body }),
    })
  return {
    request: async (request, signal): Promise<TransportResponse> => {
      const answer = await send(request, signal)
      const body = await answer.body.bytes()
      return { status: answer.statusCode, headers: flatten(answer.headers), body }
    },
    stream: async (request, signal): Promise<TransportStream> => {
      const answer = await send(request, signal)
      return { status: answer.statusCode, headers: flatten(answer.headers), body: answer.body as AsyncIterable<Uint8Array> }
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}
