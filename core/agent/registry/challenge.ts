import type { RegistryAuthSettings } from '../containerd/registries.ts'

/** How a registry wants to be shown who asks. Source: RFC 9110, WWW-Authenticate; distribution, token authentication. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service?: string | undefined; readonly scope?: string | undefined }

/** The first challenge that can be met; undefined when there is none. */
export function parseChallenge(header: string): Challenge | undefined {
  const bearer = /(?:^|,\s*)bearer\s+(.*)/i.exec(header)?.[1]
  if (bearer !== undefined) {
    const parameters = new Map([...bearer.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name.toLowerCase(), value]))
    const realm = parameters.get('realm')
    if (realm !== undefined && URL.canParse(realm))
      return { scheme: 'bearer', realm, service: parameters.get('service'), scope: parameters.get('scope') }
  }
  return /(?:^|,\s*)basic\b/i.test(header) ? { scheme: 'basic' } : undefined
}

/** Undefined without a user name: then the question is asked anonymously. */
export function basicAuthorization(auth: RegistryAuthSettings | undefined): string | undefined {
  if (auth?.auth !== undefined) return `Basic ${auth.auth}`
  if (auth?.username === undefined) return undefined
  return `Basic ${Buffer.from(`${auth.username}:${auth.password ?? ''}`).toString('base64')}`
}
