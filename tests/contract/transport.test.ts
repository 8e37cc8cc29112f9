import assert from 'node:assert/strict'
import { it } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { httpsTransport } from '../../core/client/https.ts'
import { inProcessTransport } from '../../core/client/in-process.ts'
import { portTransport, portTransports } from '../../core/client/port/port-transport.ts'
import { servePort } from '../../core/client/port/serve-port.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { serveHandler } from '../helpers/https-server.ts'
import { describeTransportContract, type OpenTransport } from './transport.ts'

const openPort: OpenTransport = async (handler) => {
  const { port1, port2 } = new MessageChannel()
  const stop = new AbortController()
  const stopped = servePort({ port: port1, handler, user: 'tester', log: silentLogger }, stop.signal)
  return {
    transport: portTransport(port2),
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await stopped
    },
  }
}

const openHttps =
  (http2: boolean): OpenTransport =>
  async (handler) => {
    const server = await serveHandler(handler, { user: 'tester', token: 'secret' })
    const transport = httpsTransport({ url: server.url, ca: server.ca, token: () => 'secret', http2 })
    return {
      transport,
      [Symbol.asyncDispose]: async () => {
        await transport[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  }

describeTransportContract('same thread', async (handler) => ({
  transport: inProcessTransport(handler, 'tester'),
  [Symbol.asyncDispose]: async () => {},
}))
describeTransportContract('message port', openPort)
describeTransportContract('HTTPS, HTTP/2', openHttps(true))
describeTransportContract('HTTPS, HTTP/1.1', openHttps(false))

it('fails requests under way and later ones when the port closes', async () => {
  const { port1, port2 } = new MessageChannel()
  const transport = portTransport(port2)
  const pending = transport.request({ method: 'GET', path: '/' }, new AbortController().signal)
  port1.close()
  await assert.rejects(pending, /port to the API server was closed/)
  await assert.rejects(transport.request({ method: 'GET', path: '/' }, new AbortController().signal), /port to the API server was closed/)
})

it('acts on one port as the user that the serving side knows by a name, and as nobody else', async () => {
  const { port1, port2 } = new MessageChannel()
  const stop = new AbortController()
  const handler = ({ user }: { readonly user: string }) => Promise.resolve({ status: 200, headers: {}, body: Buffer.from(user) })
  const others = new Map([['gc', 'garbage-collector']])
  const stopped = servePort({ port: port1, handler, user: 'manager', others, log: silentLogger }, stop.signal)
  const transportAs = portTransports(port2)
  const whoAmI = async (as?: string): Promise<string> =>
    Buffer.from((await transportAs(as).request({ method: 'GET', path: '/' }, stop.signal)).body).toString()
  assert.deepEqual(await Promise.all([whoAmI(), whoAmI('gc'), whoAmI()]), ['manager', 'garbage-collector', 'manager'])
  await assert.rejects(whoAmI('admin'), /no user admin/)
  stop.abort()
  await stopped
})
