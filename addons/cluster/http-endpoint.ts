import { createServer } from 'node:http'

export interface EndpointAnswer {
  readonly status: number
  readonly body: string
  readonly contentType?: string
}

/** Serves a few fixed GET paths (health, readiness, metrics) on a port. */
export async function serveEndpoints(
  address: { readonly host: string; readonly port: number },
  paths: Readonly<Record<string, () => EndpointAnswer>>,
): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    const answer = paths[path]?.() ?? { status: 404, body: '404 page not found\n' }
    response.writeHead(answer.status, { 'content-type': answer.contentType ?? 'text/plain; charset=utf-8' })
    response.end(request.method === 'HEAD' ? undefined : answer.body)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, resolve)
  })
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
