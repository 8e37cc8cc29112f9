import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Container, HTTPGetAction } from '../../../api/types/core-v1.ts'
import { networkText } from './network-text.ts'

export interface HttpAnswer {
  readonly status: number
  readonly body: string
  /** Set when a redirect led to another host: that is as far as a probe goes. */
  readonly leftHost?: boolean
}

const MAX_BODY_BYTES = 10 << 10
const MAX_REDIRECTS = 10

/** A port by number, or by the name it has among the container's ports. Undefined when there is no such name. */
export function portOf(port: number | string, container: Pick<Container, 'ports'>): number | undefined {
  if (typeof port === 'number') return port
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? (/^\d+$/.test(port) ? Number(port) : undefined)
}

export interface HttpGetInput {
  readonly action: HTTPGetAction
  readonly container: Pick<Container, 'ports'>
  readonly podIp: string
  readonly timeoutMs: number
  readonly userAgent: string
}

/** Asks a container as probes and hooks do. Throws Error with the text that Kubernetes shows. */
export async function httpGet(input: HttpGetInput, signal: AbortSignal): Promise<HttpAnswer> {
  const { action, container, podIp } = input
  const port = portOf(action.port, container)
  if (port === undefined) throw new Error(`couldn't find port: ${JSON.stringify(action.port)} for container`)
  const host = action.host === undefined || action.host === '' ? podIp : action.host
  const scheme = (action.scheme ?? 'HTTP').toLowerCase()
  const path = action.path ?? '/'
  let url = new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path.startsWith('/') ? '' : '/'}${path}`)
  const deadline = AbortSignal.timeout(input.timeoutMs)
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const response = await ask(url, input, { signal, deadline })
    const { location } = response.headers
    if (!isRedirect(response.status) || location === undefined) return { status: response.status, body: response.body }
    const next = new URL(location, url)
    if (next.hostname !== url.hostname) return { status: response.status, body: response.body, leftHost: true }
    url = next
  }
  throw new Error(`Get "${url.href}": stopped after ${MAX_REDIRECTS} redirects`)
}

const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status)

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

function ask(url: URL, input: HttpGetInput, signals: { readonly signal: AbortSignal; readonly deadline: AbortSignal }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const request = send(
      url,
      // A probe asks whether the container answers, not who it is: certificates are not checked, as in Kubernetes.
      { headers: headersOf(input), agent: false, rejectUnauthorized: false, setHost: !hasHostHeader(input.action) },
      (response) => {
        collect(response).then(resolve, fail)
      },
    )
    const fail = (err: unknown): void => {
      const text = signals.deadline.aborted
        ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        : networkText(err, url.hostname, portNumber(url))
      reject(new Error(`Get "${url.href}": ${text}`, { cause: err }))
    }
    const stop = (): void => {
      request.destroy(new Error('given up'))
    }
    signals.signal.addEventListener('abort', stop, { once: true })
    signals.deadline.addEventListener('abort', stop, { once: true })
    request.on('error', fail)
    request.on('close', () => {
      signals.signal.removeEventListener('abort', stop)
    })
    request.end()
  })
}

async function collect(response: IncomingMessage): Promise<Answer> {
  let body = ''
  for await (const chunk of response) {
    body += (chunk as Buffer).toString('utf8')
    if (body.length >= MAX_BODY_BYTES) break
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: body.slice(0, MAX_BODY_BYTES) }
}

const portNumber = (url: URL): number => Number(url.port) || (url.protocol === 'https:' ? 443 : 80)

const hasHostHeader = ({ httpHeaders = [] }: HTTPGetAction): boolean => httpHeaders.some(({ name }) => name.toLowerCase() === 'host')

function headersOf({ action, userAgent }: HttpGetInput): Record<string, string> {
  const own = Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), value]))
  const headers: Record<string, string> = { 'user-agent': userAgent, accept: '*/*', connection: 'close', ...own }
  if (headers.accept === '') delete headers.accept
  return headers
}
