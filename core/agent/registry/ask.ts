import { readFileSync } from 'node:fs'
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici'
import type { RegistryTls } from '../containerd/registries.ts'
import type { ImageName } from '../images/image-name.ts'
import { basicAuthorization, type Challenge, parseChallenge } from './challenge.ts'
import type { Endpoint } from './endpoints.ts'
import { carefulLookup } from './lookup.ts'

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** One endpoint with connections of its own; close it when done. */
export interface RegistryClient {
  readonly host: string
  /** Undefined when it has the image, else why not, in words. Rejects when the signal aborts. */
  lacks(image: ImageName, signal: AbortSignal): Promise<string | undefined>
  close(): void
}

/** Throws Error when a certificate file cannot be read. */
export function openRegistry(endpoint: Endpoint): RegistryClient {
  const { url } = endpoint
  const connect = { ...tlsOptions(endpoint.tls), lookup: carefulLookup }
  const options = { connect, requestTls: connect, connections: 2, pipelining: 1 }
  const dispatcher: Dispatcher = isLoopback(url.hostname) ? new Agent(options) : new EnvHttpProxyAgent(options)
  return {
    host: url.host,
    lacks: async (image, signal) => {
      try {
        return await ask({ endpoint, dispatcher, signal }, image)
      } catch (err) {
        signal.throwIfAborted()
        return failureText(err)
      }
    },
    close: () => {
      dispatcher.destroy().catch(() => undefined)
    },
  }
}

interface Asking {
  readonly endpoint: Endpoint
  readonly dispatcher: Dispatcher
  readonly signal: AbortSignal
}

async function ask(asking: Asking, { repository, tag, digest }: ImageName): Promise<string | undefined> {
  const path = `/${repository}/manifests/${digest ?? tag ?? 'latest'}`
  const first = await head(asking, path)
  if (first.status !== 401) return statusText(first.status)
  const challenge = parseChallenge(first.challenge)
  const authorization = challenge === undefined ? undefined : await authorize(asking, challenge, `repository:${repository}:pull`)
  if (authorization === undefined) return statusText(401)
  return statusText((await head(asking, path, authorization)).status)
}

/** Registries that send readers elsewhere (302, 307) have what was asked for. */
function statusText(status: number): string | undefined {
  if (status >= 200 && status < 400) return undefined
  if (status === 404) return 'does not have it'
  return status === 401 || status === 403 ? `refuses the login (${status})` : `answers with status ${status}`
}

async function head({ endpoint, dispatcher, signal }: Asking, path: string, authorization?: string) {
  const { status, headers, body } = await send(dispatcher, {
    origin: endpoint.url.origin,
    path: `${endpoint.url.pathname.replace(/\/$/, '')}${path}`,
    method: 'HEAD',
    headers: { accept: MANIFEST_TYPES, ...(authorization !== undefined && { authorization }) },
    signal,
  })
  await body.dump()
  return { status, challenge: [headers['www-authenticate'] ?? ''].flat().join(', ') }
}

async function authorize({ endpoint, dispatcher, signal }: Asking, challenge: Challenge, scope: string): Promise<string | undefined> {
  const login = basicAuthorization(endpoint.auth)
  if (challenge.scheme === 'basic') return login
  const url = new URL(challenge.realm)
  if (challenge.service !== undefined) url.searchParams.set('service', challenge.service)
  url.searchParams.set('scope', challenge.scope ?? scope)
  const token = endpoint.auth?.identity_token
  const { status, body } = await send(dispatcher, {
    origin: url.origin,
    ...(token === undefined
      ? { method: 'GET', path: `${url.pathname}${url.search}`, headers: login === undefined ? {} : { authorization: login } }
      : {
          method: 'POST',
          path: url.pathname,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: `grant_type=refresh_token&client_id=k3ts&refresh_token=${encodeURIComponent(token)}&${url.searchParams.toString()}`,
        }),
    signal,
  })
  if (status !== 200) {
    await body.dump()
    return undefined
  }
  const answer = (await body.json()) as { readonly token?: string; readonly access_token?: string }
  const bearer = answer.token ?? answer.access_token
  return bearer === undefined ? undefined : `Bearer ${bearer}`
}

async function send(dispatcher: Dispatcher, options: Dispatcher.RequestOptions) {
  const { statusCode: status, headers, body } = await dispatcher.request(options)
  return { status, headers, body }
}

function tlsOptions(tls: RegistryTls | undefined) {
  if (tls === undefined) return {}
  return {
    ...(tls.insecure_skip_verify === true && { rejectUnauthorized: false }),
    ...(tls.ca_file !== undefined && { ca: readFileSync(tls.ca_file, 'utf8') }),
    ...(tls.cert_file !== undefined && { cert: readFileSync(tls.cert_file, 'utf8') }),
    ...(tls.key_file !== undefined && { key: readFileSync(tls.key_file, 'utf8') }),
  }
}

/** Go programs never ask a proxy for these, containerd among them. */
const isLoopback = (host: string): boolean => host === 'localhost' || host.startsWith('127.') || host === '[::1]'

const CONNECTION_FAILURES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'has a name that cannot be resolved',
  EAI_AGAIN: 'has a name that cannot be resolved',
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'breaks connections off',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  UND_ERR_CONNECT_TIMEOUT: 'does not answer',
}

function failureText(err: unknown): string {
  const { code = '', message } = err as NodeJS.ErrnoException
  return CONNECTION_FAILURES[code] ?? `fails: ${message.split('\n')[0] ?? code}`
}
