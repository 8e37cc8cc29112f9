import { isIP } from 'node:net'
import type { ApiRequest } from '../request.ts'

type Origin = Pick<ApiRequest, 'headers' | 'remoteAddress'>

/** Where requests of the server's own parts come from: they have no socket. */
const THIS_MACHINE = '127.0.0.1'

/** The chain that proxies tell of, and last the peer, which cannot be forged. Source: apimachinery, util/net, SourceIPs. */
export function sourceIps({ headers, remoteAddress }: Origin): readonly string[] {
  const forwarded = (headers['x-forwarded-for'] ?? '').split(',').map(plainAddress)
  const chain = forwarded.filter((ip) => isIP(ip) !== 0)
  const real = plainAddress(headers['x-real-ip'] ?? '')
  if (isIP(real) !== 0 && !chain.includes(real)) chain.push(real)
  const peer = plainAddress(remoteAddress ?? THIS_MACHINE)
  if (isIP(peer) !== 0 && chain.at(-1) !== peer) chain.push(peer)
  return chain
}

/** IPv4 in the notation of a dual-stack socket is IPv4. */
function plainAddress(text: string): string {
  const trimmed = text.trim()
  const mapped = /^::ffff:(?<ipv4>[\d.]+)$/i.exec(trimmed)?.groups?.['ipv4']
  return mapped ?? trimmed
}

const MAX_USER_AGENT = 1024

/** Undefined when there is none. */
export function userAgentOf({ headers }: Origin): string | undefined {
  const agent = headers['user-agent']
  if (agent === undefined || agent === '') return undefined
  return agent.length > MAX_USER_AGENT ? `${agent.slice(0, MAX_USER_AGENT)}...TRUNCATED` : agent
}

/** Parameters that carry credentials of what lies behind a proxy. */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set(['token', 'access_token', 'id_token', 'bearer', 'authorization', 'password'])

/** Path and query as they came, without the values of parameters that are credentials. */
export function requestUri({ path, query, search }: Pick<ApiRequest, 'path' | 'query' | 'search'>): string {
  const text = search ?? query.toString()
  if (text === '') return path
  return `${path}?${text.split('&').map(withoutSecret).join('&')}`
}

function withoutSecret(parameter: string): string {
  const [name = ''] = parameter.split('=', 1)
  return SECRET_PARAMETERS.has(decoded(name).toLowerCase()) ? `${name}=REDACTED` : parameter
}

function decoded(name: string): string {
  return new URLSearchParams(name).keys().next().value ?? name
}
