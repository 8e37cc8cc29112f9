import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { after, before, describe, it } from 'node:test'
import { KubeConfig } from '@kubernetes/client-node'
import { WebSocket, WebSocketServer } from 'ws'
import { issue } from '../../core/pki/authority.ts'
import { kubeletServing } from '../../core/pki/layout.ts'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Tools, tools } from '../helpers/kubectl.ts'

const NODE = 'node-1'

/** A node's HTTPS API that answers enough for logs and one-shot commands, and writes down what it was asked. */
class FakeNode {
  readonly asked: { url: string; client: string }[] = []
  readonly protocols: string[] = []
  readonly #server: Server
  openStreams = 0
  afterRefusal = ''

  constructor(server: TestApiServer) {
    const { authorities } = server.pki
    const identity = issue(authorities['server-ca'], kubeletServing(NODE, ['127.0.0.1']), Date.now())
    this.#server = createServer(
      {
        cert: identity.certificatePem,
        key: identity.keyPem,
        ca: authorities['client-ca'].certificatePem,
        requestCert: true,
        rejectUnauthorized: true,
      },
      (request, response) => {
        this.#answer(request, response)
      },
    )
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: (protocols) => [...protocols][0] ?? false })
    this.#server.on('upgrade', (request, socket, head) => {
      this.#note(request)
      if (request.url?.includes('command=refuse') === true) {
        // The connection stays open, and whoever has it could go on asking.
        socket.on('data', (more: Buffer) => (this.afterRefusal += more.toString()))
        socket.write('HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno')
        return
      }
      this.protocols.push(request.headers['sec-websocket-protocol'] ?? '')
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const command = new URL(request.url ?? '', 'https://node').searchParams.getAll('command').join(' ')
        webSocket.on('message', (data: Buffer) => {
          // Channel 0 is the input; it goes back as output, in upper case.
          if (data[0] === 0 && data.length > 1)
            webSocket.send(Buffer.concat([Buffer.of(1), Buffer.from(data.subarray(1).toString().toUpperCase())]))
          if (data[0] === 255) finish()
        })
        const finish = (): void => {
          webSocket.send(Buffer.concat([Buffer.of(3), Buffer.from('{"metadata":{},"status":"Success"}')]))
          webSocket.close(1000)
        }
        webSocket.send(Buffer.concat([Buffer.of(1), Buffer.from(`ran ${command}\n`)]))
        if (!(request.url ?? '').includes('input=1')) finish()
      })
    })
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #note(request: IncomingMessage): void {
    const { CN } = (request.socket as unknown as Pick<TLSSocket, 'getPeerCertificate'>).getPeerCertificate().subject
    this.asked.push({ url: request.url ?? '', client: String(CN) })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#note(request)
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://node')
    if (pathname === '/stats/summary') response.end('{"node":{}}')
    else if (!pathname.startsWith('/containerLogs/')) response.writeHead(404).end('no such thing')
    else if (searchParams.get('previous') === 'true')
      response.writeHead(400).end('previous terminated container "main" in pod "p" not found')
    else if (searchParams.get('follow') !== 'true') response.writeHead(200, { 'content-type': 'text/plain' }).end('line 1\nline 2\n')
    else {
      this.openStreams += 1
      response.on('close', () => (this.openStreams -= 1))
      response.write('first\n')
    }
  }
}

describe('requests that go on to a node', () => {
  let server: TestApiServer
  let node: FakeNode
  let run: Tools
  const kubectl = (...args: string[]): ReturnType<Tools['kubectl']> => run.kubectl(args)

  /** Certificate and key of the administrator. */
  const identity = (): { cert: Buffer; key: Buffer } => {
    const config = new KubeConfig()
    config.loadFromFile(server.kubeconfig)
    const { certData = '', keyData = '' } = config.getCurrentUser() ?? {}
    return { cert: Buffer.from(certData, 'base64'), key: Buffer.from(keyData, 'base64') }
  }

  before(async () => {
    server = await startTestApiServer()
    node = new FakeNode(server)
    run = await tools(server.kubeconfig, server.folder)
    const port = await node.listen()
    const objects = [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } },
      { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE } },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p', namespace: 'default' },
        spec: { nodeName: NODE, containers: [{ name: 'main', image: 'i' }] },
      },
    ]
    for (const object of objects) {
      const made = await run.kubectl(['create', '-f', '-'], { input: JSON.stringify(object) })
      assert.equal(made.code, 0, made.stderr)
    }
    const status = { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }], daemonEndpoints: { kubeletEndpoint: { Port: port } } }
    const patched = await kubectl('patch', 'node', NODE, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status }))
    assert.equal(patched.code, 0, patched.stderr)
    const running = {
      status: {
        phase: 'Running',
        containerStatuses: [{ name: 'main', state: { running: {} }, ready: true, restartCount: 0, image: 'i', imageID: '' }],
      },
    }
    const started = await kubectl('patch', 'pod', 'p', '--subresource=status', '--type=merge', '-p', JSON.stringify(running))
    assert.equal(started.code, 0, started.stderr)
  })
  after(async () => {
    node.close()
    await server[Symbol.asyncDispose]()
  })

  it('show the log of a container, asked for as the API server', async () => {
    const { stdout, stderr } = await kubectl('logs', 'p', '--tail=5', '--timestamps')
    assert.equal(stdout, 'line 1\nline 2\n', stderr)
    assert.deepEqual(node.asked.at(-1), { url: '/containerLogs/default/p/main?timestamps=true&tailLines=5', client: 'system:apiserver' })
  })

  it('follow a log until the reader goes', async () => {
    const { api } = server
    const life = new AbortController()
    const response = await api.handle({
      method: 'GET',
      path: '/api/v1/namespaces/default/pods/p/log',
      query: new URLSearchParams('follow=true'),
      headers: {},
      body: () => Promise.resolve(new Uint8Array()),
      user: { name: 'admin', groups: ['system:masters'] },
      signal: life.signal,
    })
    assert.ok(response.body !== undefined && Symbol.asyncIterator in response.body)
    const chunks = response.body[Symbol.asyncIterator]()
    const first = await chunks.next()
    assert.equal(Buffer.from(first.value as Uint8Array).toString(), 'first\n')
    assert.equal(node.openStreams, 1)
    life.abort(new Error('the reader has gone'))
    await eventually(() => assert.equal(node.openStreams, 0))
  })

  it('pass the words of a refusal on', async () => {
    const { code, stderr } = await kubectl('logs', 'p', '--previous')
    assert.equal(code, 1)
    assert.match(stderr, /^Error from server \(BadRequest\): previous terminated container "main" in pod "p" not found/)
  })

  it('run a command', async () => {
    const { stdout, stderr, code } = await kubectl('exec', 'p', '--', 'ls', '-l', 'a b')
    assert.deepEqual([code, stdout], [0, 'ran ls -l a b\n'], stderr)
    assert.equal(node.asked.at(-1)?.url, '/exec/default/p/main?output=1&error=1&command=ls&command=-l&command=a+b')
  })

  it('carry input to a command and its output back', async () => {
    const { stdout, stderr, code } = await run.kubectl(['exec', '-i', 'p', '--', 'cat'], { input: 'hello' })
    assert.deepEqual([code, stdout], [0, 'ran cat\nHELLO'], stderr)
  })

  it('answer a refused upgrade, after which nothing of the client gets through', async () => {
    const socket = connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false, ...identity() })
    const ask = '/api/v1/namespaces/default/pods/p/exec?stdout=true&command=refuse'
    socket.write(
      `POST ${ask} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nGET /early HTTP/1.1\r\nHost: a\r\n\r\n`,
    )
    let answer = ''
    socket.on('data', (part: Buffer) => {
      answer += part.toString()
      socket.write('GET /late HTTP/1.1\r\nHost: a\r\n\r\n')
    })
    socket.on('error', () => undefined)
    await once(socket, 'close')
    assert.match(answer, /^HTTP\/1\.1 500 [^]*no$/)
    assert.equal(node.afterRefusal, '')
  })

  it('keep the token of a browser to themselves', async () => {
    const token = (await kubectl('create', 'token', 'default')).stdout.trim()
    const bearer = `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`
    await kubectl('create', 'clusterrolebinding', 'browser', '--clusterrole=cluster-admin', '--serviceaccount=default:default')
    const url = `wss://127.0.0.1:${server.port}/api/v1/namespaces/default/pods/p/exec?stdout=true&command=ls`
    const socket = new WebSocket(url, [bearer, 'v5.channel.k8s.io', 'v4.channel.k8s.io'], { rejectUnauthorized: false })
    const [message] = (await once(socket, 'message')) as [Buffer]
    assert.equal(message.toString(), '\u0001ran ls\n')
    assert.equal(node.protocols.at(-1), 'v5.channel.k8s.io, v4.channel.k8s.io')
    socket.close()
  })

  it('reach the node itself', async () => {
    const { stdout, stderr } = await kubectl('get', '--raw', `/api/v1/nodes/${NODE}/proxy/stats/summary`)
    assert.equal(stdout, '{"node":{}}', stderr)
  })

  it('say what stands in the way', async () => {
    assert.match((await kubectl('logs', 'nobody')).stderr, /pods "nobody" not found/)
    assert.match((await kubectl('exec', 'p', '-c', 'other', '--', 'ls')).stderr, /container other is not valid for pod p/)
    const made = await run.kubectl(['create', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'gone' } }),
    })
    assert.equal(made.code, 0)
    assert.match((await kubectl('get', '--raw', '/api/v1/nodes/gone/proxy/metrics')).stderr, /no preferred addresses found/)
  })

  it('reach pods and services at their own addresses', async () => {
    const seen: { url: string; headers: IncomingMessage['headers'] }[] = []
    const web = createHttpServer((request, response) => {
      seen.push({ url: request.url ?? '', headers: request.headers })
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () =>
        response.end(`you ${request.method === 'GET' ? 'asked for' : `sent ${Buffer.concat(parts).toString()} to`} ${request.url ?? ''}`),
      )
    })
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
    const { port } = web.address() as AddressInfo
    try {
      await kubectl(
        'patch',
        'pod',
        'p',
        '--subresource=status',
        '--type=merge',
        '-p',
        JSON.stringify({ status: { podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] } }),
      )
      const { stdout, stderr } = await kubectl('get', '--raw', `/api/v1/namespaces/default/pods/p:${port}/proxy/a/b?c=d`)
      assert.equal(stdout, 'you asked for /a/b?c=d', stderr)
      assert.equal(seen[0]?.headers.authorization, undefined)
      const file = join(server.folder, 'body.txt')
      await writeFile(file, 'some text')
      const sent = await kubectl('create', '--raw', `/api/v1/namespaces/default/pods/p:${port}/proxy/up`, '-f', file)
      assert.equal(sent.stdout, 'you sent some text to /up', sent.stderr)
      const refused = await kubectl('get', '--raw', '/api/v1/namespaces/default/pods/p:1/proxy/')
      assert.match(refused.stderr, /error trying to reach service: dial tcp 127\.0\.0\.1:1: connect ECONNREFUSED/)
      const none = await kubectl('get', '--raw', '/api/v1/namespaces/default/services/kubernetes:nope/proxy/')
      assert.match(none.stderr, /no service port "nope" found for service "kubernetes"/)
    } finally {
      web.close()
    }
  })
})
