import type { Authenticator, Credentials, UserInfo } from '../auth.ts'

const users = new WeakMap<NonNullable<Credentials['certificate']>, UserInfo>()

/** Common name is the user, organizations are the groups. The TLS layer has verified the chain and reads the subject once a connection. */
export const clientCertificateAuthenticator: Authenticator = {
  authenticate: ({ certificate }) => (certificate === undefined ? undefined : userOf(certificate)),
}

/** A certificate without a common name names nobody. */
function userOf(certificate: NonNullable<Credentials['certificate']>): UserInfo | undefined {
  if (certificate.commonName === '') return undefined
  let user = users.get(certificate)
  if (user === undefined) {
    const { commonName: name, organizations: groups, fingerprint } = certificate
    // As `kubectl auth whoami` and audit show it. Source: Kubernetes 1.35, x509 authenticator.
    const extra = fingerprint === undefined ? undefined : { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] }
    user = { name, groups, ...(extra !== undefined && { extra }) }
    users.set(certificate, user)
  }
  return user
}
