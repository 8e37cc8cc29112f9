import type { Identity } from './authority.ts'

/** Credentials inline (files that are handed around) or as paths (files that stay beside their certificates and follow renewals). */
export type KubeconfigCredentials =
  | { readonly kind: 'inline'; readonly authorityPem: string; readonly identity: Identity }
  | { readonly kind: 'files'; readonly authority: string; readonly certificate: string; readonly key: string }

export interface KubeconfigOptions {
  /** `https://127.0.0.1:6443` */
  readonly server: string
  readonly credentials: KubeconfigCredentials
  /** Name of cluster, context and user; default `default`, as K3s writes it. */
  readonly contextName?: string
}

/** The text of a kubeconfig with one cluster, one user and one context. */
export function kubeconfigText({ server, credentials, contextName = 'default' }: KubeconfigOptions): string {
  const name = scalar(contextName)
  const { cluster, user } = entries(credentials)
  return `apiVersion: v1
clusters:
- cluster:
    ${cluster}
    server: ${scalar(server)}
  name: ${name}
contexts:
- context:
    cluster: ${name}
    user: ${name}
  name: ${name}
current-context: ${name}
kind: Config
preferences: {}
users:
- name: ${name}
  user:
    ${user.join('\n    ')}
`
}

function entries(credentials: KubeconfigCredentials): { readonly cluster: string; readonly user: readonly string[] } {
  if (credentials.kind === 'files') {
    const { authority, certificate, key } = credentials
    return {
      cluster: `certificate-authority: ${scalar(authority)}`,
      user: [`client-certificate: ${scalar(certificate)}`, `client-key: ${scalar(key)}`],
    }
  }
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64')
  return {
    cluster: `certificate-authority-data: ${base64(credentials.authorityPem)}`,
    user: [
      `client-certificate-data: ${base64(credentials.identity.certificatePem)}`,
      `client-key-data: ${base64(credentials.identity.keyPem)}`,
    ],
  }
}

/** A plain YAML scalar where that is unambiguous, else a JSON string, which YAML reads as well. */
function scalar(text: string): string {
  const isPlain = /^[A-Za-z/][\w./:@-]*$/.test(text) && !text.endsWith(':')
  return isPlain && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(text) ? text : JSON.stringify(text)
}
