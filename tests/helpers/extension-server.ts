import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { altNamesOf } from '../../core/pki/alt-names.ts'
import { type Authority, createAuthority, issue } from '../../core/pki/authority.ts'

/** What an extension server was asked, and by whom. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  /** Common name of the caller's verified certificate. */
  readonly caller: string | undefined
}

/** An API server of its own over TLS, which serves `widgets.example.com/v1`. */
export interface ExtensionServer extends AsyncDisposable {
  readonly port: number
  readonly authority: Authority
  readonly seen: Seen[]
  /** Answers paths below its group version; by default an empty list. */
  answer: (request: IncomingMessage, response: ServerResponse) => void
}

export const GROUP_PATH = '/apis/widgets.example.com/v1'

const WIDGET = {
  type: 'object',
  description: 'A small thing.',
  properties: { size: { type: 'string', description: 'How big it is.' } },
  'x-kubernetes-group-version-kind': [{ group: 'widgets.example.com', version: 'v1', kind: 'Widget' }],
}
const LISTED = (reference: string, shape: object): object => ({
  [`${GROUP_PATH}/namespaces/{namespace}/widgets`]: {
    get: {
      operationId: 'listWidgets',
      'x-kubernetes-action': 'list',
      'x-kubernetes-group-version-kind': { group: 'widgets.example.com', version: 'v1', kind: 'Widget' },
      responses: { '200': { description: 'OK', ...shape } },
      tags: [reference],
    },
  },
})

const DOCUMENTS: Readonly<Record<string, unknown>> = {
  [GROUP_PATH]: {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: 'widgets.example.com/v1',
    resources: [
      { name: 'widgets', singularName: 'widget', namespaced: true, kind: 'Widget', verbs: ['get', 'list', 'watch'], shortNames: ['wd'] },
      { name: 'widgets/status', singularName: '', namespaced: true, kind: 'Widget', verbs: ['get'] },
    ],
  },
  '/openapi/v3': { paths: { 'apis/widgets.example.com/v1': { serverRelativeURL: `/openapi/v3${GROUP_PATH}?hash=AB12` } } },
  [`/openapi/v3${GROUP_PATH}`]: {
    openapi: '3.0.0',
    info: { title: 'widgets', version: 'v1' },
    paths: LISTED('v3', { content: { 'application/json': { schema: { $ref: '#/components/schemas/com.example.Widget' } } } }),
    components: { schemas: { 'com.example.Widget': WIDGET } },
  },
  '/openapi/v2': {
    swagger: '2.0',
    info: { title: 'widgets', version: 'v1' },
    paths: LISTED('v2', { schema: { $ref: '#/definitions/com.example.Widget' } }),
    definitions: { 'com.example.Widget': WIDGET, 'com.example.Unused': { type: 'object' } },
  },
}

/** `callers` is the authority of clients that it believes. */
export async function startExtensionServer(callers: string, serverName: string): Promise<ExtensionServer> {
  const authority = createAuthority('widgets-ca', Date.now())
  const subject = { commonName: 'widgets', organizations: [] }
  const leaf = issue(authority, { subject, usages: ['serverAuth'], altNames: altNamesOf([serverName]) }, Date.now())
  const seen: Seen[] = []
  const tls = { cert: leaf.certificatePem, key: leaf.keyPem, ca: callers, requestCert: true, rejectUnauthorized: false }
  const running = {
    authority,
    seen,
    answer: (_request: IncomingMessage, response: ServerResponse): void => {
      json(response, { kind: 'WidgetList', apiVersion: 'widgets.example.com/v1', metadata: {}, items: [] })
    },
  }
  const note = (request: IncomingMessage): void => {
    const { method = '', url = '', headers, rawHeaders } = request
    const { socket } = request
    const isKnown = socket instanceof TLSSocket && socket.authorized
    seen.push({ method, url, headers, rawHeaders, caller: isKnown ? [socket.getPeerCertificate().subject.CN].flat()[0] : undefined })
  }
  const server = createServer(tls, (request, response) => {
    note(request)
    const path = (request.url ?? '').split('?')[0] ?? ''
    const document = DOCUMENTS[path]
    if (document !== undefined) json(response, document)
    else if (path.startsWith(`${GROUP_PATH}/`)) running.answer(request, response)
    else response.writeHead(404).end()
  })
  server.on('upgrade', (request, socket) => {
    note(request)
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(running, {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'audit-id': 'theirs' }).end(JSON.stringify(value))
}
