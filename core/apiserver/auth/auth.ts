import type { Awaitable } from '../../runtime/awaitable.ts'

export interface UserInfo {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** What an authenticator may look at. The certificate is verified against the client CA by the TLS layer. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Path of the request without the query: a few are open to anonymous users. Absent: none is. */
  readonly path?: string
  /** Subject of the verified client certificate, read once per connection. */
  readonly certificate?: {
    readonly commonName: string
    readonly organizations: readonly string[]
    /** SHA-256 of the certificate in lower-case hexadecimal. */
    readonly fingerprint?: string
  }
}

/** Undefined: not mine, ask the next. Throws StatusError Unauthorized for credentials that are mine and bad. */
export interface Authenticator {
  authenticate(credentials: Credentials, signal: AbortSignal): Awaitable<UserInfo | undefined>
}

export type Attributes =
  | {
      readonly kind: 'resource'
      readonly user: UserInfo
      /** Kubernetes verb: get, list, watch, create, update, patch, delete, deletecollection, … */
      readonly verb: string
      readonly group: string
      readonly version: string
      readonly resource: string
      readonly subresource: string
      readonly namespace: string
      readonly name: string
      /** Query parameters of list, watch and deletecollection: nodes may list only the pods bound to them. */
      readonly fieldSelector?: string | undefined
      readonly labelSelector?: string | undefined
    }
  | { readonly kind: 'path'; readonly user: UserInfo; readonly verb: string; readonly path: string }

export interface Decision {
  readonly allowed: boolean
  /** Extra text of the Forbidden message, often empty. */
  readonly reason: string
}

/** Synchronous: decisions are compiled from the RBAC objects in the cache. */
export interface Authorizer {
  authorize(attributes: Attributes): Decision
}
