import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { selfSigned } from './https-server.ts'
import { buildImage, digestOf, type ImageRecipe } from './images.ts'

export interface RegistryOptions {
  readonly tls?: boolean
  /** `user:password`; without it everybody may read. */
  readonly login?: string
  /** Asks for a token that the registry itself gives to who knows the login, as public registries do. */
  readonly tokens?: boolean
}

/** A read-only image registry on loopback: the pull half of the distribution API. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  readonly url: string
  readonly ca: string
  /** `METHOD path` of every request, in order. */
  readonly requests: readonly string[]
}

/** Names of recipes are `repository:tag`, without a registry. */
export async function startRegistry(recipes: readonly ImageRecipe[], options: RegistryOptions = {}): Promise<TestRegistry> {
  const content = new Map<string, Stored>()
  for (const recipe of recipes) store(content, recipe)
  const requests: string[] = []
  const { cert, key } = options.tls === true ? await selfSigned() : { cert: '', key: '' }
  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`)
    answer(request, response, content, options)
  }
  const server = options.tls === true ? createServer({ cert, key }, handler) : createPlainServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    url: `${options.tls === true ? 'https' : 'http'}://${host}`,
    ca: cert,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Stored {
  readonly type: string
  readonly bytes: Buffer
}

function store(content: Map<string, Stored>, recipe: ImageRecipe): void {
  const { layer, config, manifest } = buildImage(recipe)
  const [repository = '', tag = ''] = recipe.name.split(':')
  const served = { type: 'application/vnd.oci.image.manifest.v1+json', bytes: manifest }
  for (const reference of [tag, digestOf(manifest)]) content.set(`/v2/${repository}/manifests/${reference}`, served)
  for (const blob of [layer, config])
    content.set(`/v2/${repository}/blobs/${digestOf(blob)}`, { type: 'application/octet-stream', bytes: blob })
}

const TOKEN = 'a-token'

function answer(
  { url = '', method, headers }: IncomingMessage,
  response: ServerResponse,
  content: ReadonlyMap<string, Stored>,
  { login, tokens, tls }: RegistryOptions,
): void {
  const [path = ''] = url.split('?')
  const basic = `Basic ${Buffer.from(login ?? '').toString('base64')}`
  if (path === '/token') {
    const isKnown = login === undefined || headers.authorization === basic
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' }).end(isKnown ? JSON.stringify({ token: TOKEN }) : '{}')
    return
  }
  const wanted = tokens === true ? `Bearer ${TOKEN}` : login === undefined ? undefined : basic
  if (wanted !== undefined && headers.authorization !== wanted) {
    const realm = `${tls === true ? 'https' : 'http'}://${headers.host ?? ''}/token`
    response.writeHead(401, { 'www-authenticate': tokens === true ? `Bearer realm="${realm}",service="test"` : 'Basic realm="test"' }).end()
    return
  }
  const found = path === '/v2/' ? { type: 'application/json', bytes: Buffer.from('{}') } : content.get(path)
  if (found === undefined) {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
    return
  }
  response.writeHead(200, {
    'content-type': found.type,
    'content-length': found.bytes.length,
    'docker-content-digest': digestOf(found.bytes),
  })
  response.end(method === 'HEAD' ? undefined : found.bytes)
}
