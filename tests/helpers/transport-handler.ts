import type { HandlerFunction, HandlerRequest } from '../../core/client/in-process.ts'

/** What the handler below saw, for assertions on the far side. */
export interface HandlerProbe {
  /** Chunks of `/endless` produced so far. */
  produced: number
  /** Paths whose signal has fired. */
  readonly aborted: Set<string>
  readonly users: string[]
}

const CHUNK_BYTES = 64 * 1024

/** A server with one path per property that a transport must carry. */
export function transportHandler(): { readonly handler: HandlerFunction<string>; readonly probe: HandlerProbe } {
  const probe: HandlerProbe = { produced: 0, aborted: new Set(), users: [] }
  const handler: HandlerFunction<string> = async (request) => {
    probe.users.push(request.user)
    request.signal.addEventListener('abort', () => probe.aborted.add(request.path), { once: true })
    switch (request.path) {
      case '/echo':
        return { status: 200, headers: { 'content-type': 'application/json', 'x-test': 'yes' }, body: await echo(request) }
      case '/missing':
        return { status: 404, headers: {}, body: Buffer.from('{"kind":"Status","reason":"NotFound","code":404}') }
      case '/empty':
        return { status: 200, headers: {} }
      case '/slabs':
        return { status: 200, headers: {}, body: slabs(Number(request.query.get('count'))) }
      case '/lines':
        return { status: 200, headers: {}, body: lines(request) }
      case '/endless':
        return { status: 200, headers: {}, body: endless(probe, request.signal) }
      case '/break':
        return { status: 200, headers: {}, body: broken() }
      default:
        // Never answers: the caller must be able to give up.
        return await new Promise((_, reject) => {
          request.signal.addEventListener('abort', () => reject(request.signal.reason as Error), { once: true })
        })
    }
  }
  return { handler, probe }
}

async function echo(request: HandlerRequest<string>): Promise<Uint8Array> {
  const body = Buffer.from(await request.body()).toString('utf8')
  const { method, path, query, headers } = request
  return Buffer.from(JSON.stringify({ method, path, query: [...query], accept: headers['accept'], type: headers['content-type'], body }))
}

/** Slices of one shared buffer, as a watch cache hands them out. */
function slabs(count: number): Uint8Array[] {
  const shared = Buffer.alloc(count * CHUNK_BYTES, 'ab')
  return Array.from({ length: count }, (_, i) => shared.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES))
}

async function* lines(request: HandlerRequest<string>): AsyncGenerator<Uint8Array> {
  yield Buffer.from('one\n')
  yield Buffer.from('two\n')
  await new Promise<void>((resolve) => {
    if (request.signal.aborted) resolve()
    else request.signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function* endless(probe: HandlerProbe, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  while (!signal.aborted) {
    probe.produced += 1
    yield Buffer.alloc(CHUNK_BYTES)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('half')
  await new Promise((resolve) => setTimeout(resolve, 20))
  throw new Error('the source broke')
}
