import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { networkInterfaces } from 'node:os'
import { gzipSync } from 'node:zlib'
import { type ImageFile, tarOf } from './tar.ts'

/** A packaged chart: its files below a folder of its name, with a Chart.yaml of this version. */
export function chartArchive(name: string, version: string, files: Readonly<Record<string, string>>): Buffer {
  const all = { 'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: ${version}\n`, ...files }
  return gzipSync(
    tarOf(Object.entries(all).map(([path, text]): ImageFile => ({ path: `${name}/${path}`, content: Buffer.from(text), mode: 0o644 }))),
  )
}

export interface ChartRepository extends AsyncDisposable {
  readonly url: string
  /** Paths that were asked for. */
  readonly requests: readonly string[]
}

/** Serves one chart over plain HTTP on the address that pods reach this machine by. */
export async function chartRepository(name: string, version: string, archive: Buffer): Promise<ChartRepository> {
  const requests: string[] = []
  const answer: RequestListener = (request, response) => {
    requests.push(request.url ?? '')
    if (request.url === '/index.yaml') {
      response.end(
        `apiVersion: v1\nentries:\n  ${name}:\n    - {apiVersion: v2, name: ${name}, version: ${version}, urls: [${name}.tgz]}\n`,
      )
    } else if (request.url === `/${name}.tgz`) {
      response.end(archive)
    } else {
      response.writeHead(404).end()
    }
  }
  const server = createServer(answer).listen(0, '0.0.0.0')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://${machineAddress()}:${address.port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function machineAddress(): string {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((item) => item?.family === 'IPv4' && !item.internal)
  if (found === undefined) throw new Error('this machine has no address but loopback')
  return found.address
}
