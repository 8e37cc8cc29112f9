import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { CriError, codeOf } from './errors.ts'
import { FrameReader, frame } from './frames.ts'
import type { Method } from './messages.ts'

export interface CallOptions {
  readonly signal: AbortSignal
  /** Also told to the server. 0 or absent: no limit. */
  readonly timeoutMs?: number | undefined
}

/** Where a gRPC server listens without TLS. */
export type GrpcAddress = { readonly path: string } | { readonly host: string; readonly port: number; readonly authority?: string }

/** One HTTP/2 connection, opened at the first call and again after it broke. All failures are CriErrors. */
export interface GrpcChannel {
  unary<T>(method: Method, request: object, options: CallOptions): Promise<T>
  /** Ends when the server ends the stream; breaking out of the loop cancels it. */
  serverStream<T>(method: Method, request: object, options: CallOptions): AsyncIterable<T>
  close(): void
}

// A list of all images or containers of a busy node is some hundred KB: do not let the initial window of 64 KB slow it down.
const WINDOW_BYTES = 8 << 20

/** Connects at the first call, and again after a connection broke. Calls reject with CriError. */
export function openGrpcChannel(address: GrpcAddress): GrpcChannel {
  let session: ClientHttp2Session | undefined
  const current = (): ClientHttp2Session => {
    if (session === undefined || session.closed || session.destroyed) session = openSession(address)
    return session
  }
  return {
    unary: (method, request, options) => unary(current(), method, request, options),
    serverStream: (method, request, options) => serverStream(current(), method, request, options),
    close: () => {
      session?.destroy()
      session = undefined
    },
  }
}

function openSession(address: GrpcAddress): ClientHttp2Session {
  const authority = 'path' in address ? 'localhost' : (address.authority ?? `${address.host}:${address.port}`)
  const session = connect(`http://${authority}`, {
    createConnection: () => ('path' in address ? connectSocket(address.path) : connectSocket(address.port, address.host)),
    settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
  })
  session.on('connect', () => {
    session.setLocalWindowSize(WINDOW_BYTES)
  })
  // Each stream reports the failure to its own caller; a session without listeners would crash the process.
  session.on('error', () => undefined)
  session.on('goaway', () => {
    session.close()
  })
  return session
}

function openStream(session: ClientHttp2Session, method: Method, options: CallOptions): ClientHttp2Stream {
  const { timeoutMs = 0 } = options
  return session.request({
    ':method': 'POST',
    ':path': method.path,
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'k3ts',
    ...(timeoutMs > 0 && { 'grpc-timeout': `${Math.ceil(timeoutMs)}m` }),
  })
}

/** Follows one call to its end: collects trailers, cancels on abort and deadline, and settles with the call's status. */
function track(stream: ClientHttp2Stream, method: Method, options: CallOptions): { readonly ended: Promise<void>; cancel(): void } {
  const { signal, timeoutMs = 0 } = options
  let trailers: IncomingHttpHeaders = {}
  let failure: CriError | undefined
  const cancel = (): void => {
    if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL)
  }
  const fail = (code: 'Canceled' | 'DeadlineExceeded' | 'Unavailable', message: string, cause?: unknown): void => {
    failure ??= new CriError(code, message, { call: method.name, cause })
    cancel()
  }
  const onAbort = (): void => {
    fail('Canceled', 'the call was given up', signal.reason)
  }
  stream.on('response', (headers: IncomingHttpHeaders) => {
    if (headers['grpc-status'] !== undefined) trailers = headers
    else if (Number(headers[':status']) !== 200) fail('Unavailable', `the server answered HTTP ${String(headers[':status'])}`)
  })
  stream.on('trailers', (headers: IncomingHttpHeaders) => {
    trailers = headers
  })
  stream.on('error', (err: Error) => {
    fail('Unavailable', err.message, err)
  })
  const timer = timeoutMs > 0 ? setTimeout(() => fail('DeadlineExceeded', 'context deadline exceeded'), timeoutMs) : undefined
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('close', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      const error = failure ?? statusOf(trailers, method)
      if (error === undefined) resolve()
      else reject(error)
    })
  })
  return { ended, cancel }
}

function statusOf(trailers: IncomingHttpHeaders, method: Method): CriError | undefined {
  const status = trailers['grpc-status']
  if (status === undefined) return new CriError('Unavailable', 'the connection ended before the answer', { call: method.name })
  const code = codeOf(Number(status))
  if (code === 'OK') return undefined
  const message = trailers['grpc-message']
  return new CriError(code, decodeMessage(typeof message === 'string' ? message : ''), { call: method.name })
}

/** The message is percent-encoded UTF-8; a malformed one is shown as it came. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // not percent-encoded by this server
  }
}

async function unary<T>(session: ClientHttp2Session, method: Method, request: object, options: CallOptions): Promise<T> {
  const stream = openStream(session, method, options)
  const reader = new FrameReader()
  let answer: Uint8Array | undefined
  stream.on('data', (chunk: Buffer) => {
    for (const message of reader.push(chunk)) answer ??= message
  })
  const call = track(stream, method, options)
  stream.end(frame(method.request.encode(request)))
  await call.ended
  if (answer === undefined) throw new CriError('Internal', 'the server sent a status but no message', { call: method.name })
  return method.response.decode<T>(answer)
}

async function* serverStream<T>(session: ClientHttp2Session, method: Method, request: object, options: CallOptions): AsyncIterable<T> {
  const stream = openStream(session, method, options)
  const reader = new FrameReader()
  const call = track(stream, method, options)
  // Awaited below; the marker keeps an early failure from counting as unhandled meanwhile.
  call.ended.catch(() => undefined)
  stream.end(frame(method.request.encode(request)))
  try {
    for await (const chunk of chunksOf(stream)) for (const message of reader.push(chunk)) yield method.response.decode<T>(message)
    await call.ended
  } finally {
    call.cancel()
  }
}

/** The stream's data; a broken stream just ends here, because `track` reports why. */
async function* chunksOf(stream: ClientHttp2Stream): AsyncIterable<Buffer> {
  try {
    for await (const chunk of stream) yield chunk as Buffer
  } catch {
    return // reported by track()
  }
}
