import { webcrypto } from 'node:crypto'
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { chunksOf, type HandlerFunction, toHandlerRequest } from '../../core/client/in-process.ts'
import type { TransportRequest } from '../../core/client/transport.ts'

export interface HandlerServer extends AsyncDisposable {
  readonly url: string
  readonly ca: string
}

/** Serves a handler over TLS with HTTP/2 and HTTP/1.1 on a free loopback port; whoever brings `token` is `user`. */
export async function serveHandler<User>(
  handler: HandlerFunction<User>,
  identity: { readonly user: User; readonly token: string },
): Promise<HandlerServer> {
  const { cert, key } = await selfSigned()
  const sockets = new Set<Socket>()
  const server = createSecureServer({ cert, key, allowHTTP1: true }, (request, response) => {
    answer(request, response, handler, identity).catch((err: unknown) => {
      response.stream.destroy(err instanceof Error ? err : undefined)
    })
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: cert,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer<User>(
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  handler: HandlerFunction<User>,
  identity: { readonly user: User; readonly token: string },
): Promise<void> {
  const abort = new AbortController()
  response.once('close', () => abort.abort(new Error('the client went away')))
  if (request.headers.authorization !== `Bearer ${identity.token}`) {
    response.writeHead(401).end()
    return
  }
  const parts: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) parts.push(chunk)
  const { method, url: path } = request
  const record = { method, path, headers: request.headers as Record<string, string>, body: Buffer.concat(parts) } as TransportRequest
  try {
    const result = await handler(toHandlerRequest(record, identity.user, abort.signal))
    response.writeHead(result.status, result.headers)
    for await (const chunk of chunksOf(result.body)) {
      if (abort.signal.aborted) return
      if (!response.write(chunk)) await drained(response)
    }
    response.end()
  } catch (err) {
    if (abort.signal.aborted) return
    // HTTP/1.1 responses have a socket, HTTP/2 ones a stream: either way the reader sees a broken body.
    if (request.httpVersionMajor === 2) response.stream.destroy(err as Error)
    else request.socket.destroy()
  }
}

async function drained(response: Http2ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

/** A certificate of 127.0.0.1 that is its own authority. */
export async function selfSigned(): Promise<{ readonly cert: string; readonly key: string }> {
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0])
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  })
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { cert: cert.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') }
}
