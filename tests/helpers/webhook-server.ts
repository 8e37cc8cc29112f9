import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { altNamesOf } from '../../core/pki/alt-names.ts'
import { createAuthority, issue } from '../../core/pki/authority.ts'

/** What a webhook was sent, parsed. */
export interface HookRequest {
  readonly path: string
  readonly body: any // eslint-disable-line @typescript-eslint/no-explicit-any -- reviews of every kind
}

/** A webhook over TLS on a loopback port. */
export interface HookServer extends AsyncDisposable {
  /** `clientConfig` of a configuration or definition, for a path. */
  readonly clientConfig: (path: string) => { readonly url: string; readonly caBundle: string }
  readonly requests: HookRequest[]
}

/** Answers what `answer` makes of each request. */
export async function startHookServer(answer: (request: HookRequest) => object | Promise<object>): Promise<HookServer> {
  const nowMs = Date.now()
  const authority = createAuthority('hooks-ca', nowMs)
  const subject = { commonName: 'hooks', organizations: [] }
  const leaf = issue(authority, { subject, usages: ['serverAuth'], altNames: altNamesOf(['127.0.0.1']) }, nowMs)
  const requests: HookRequest[] = []
  const server = createServer({ cert: leaf.certificatePem, key: leaf.keyPem }, (req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const request = { path: (req.url ?? '').split('?')[0] ?? '', body: JSON.parse(Buffer.concat(chunks).toString()) as unknown }
      requests.push(request)
      void Promise.resolve(answer(request)).then((body) => {
        res.setHeader('content-type', 'application/json')
        res.end(JSON.stringify(body))
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const caBundle = Buffer.from(authority.certificatePem).toString('base64')
  return {
    clientConfig: (path) => ({ url: `https://127.0.0.1:${port}${path}`, caBundle }),
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
