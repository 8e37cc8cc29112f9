/** Issuer of tokens that live in Secrets of type kubernetes.io/service-account-token. */
export const LEGACY_ISSUER = 'kubernetes/serviceaccount'
/** In front of each private claim of such a token. */
export const LEGACY_CLAIM_PREFIX = 'kubernetes.io/serviceaccount'

export interface LegacyClaims {
  readonly namespace: string
  readonly serviceAccount: { readonly name: string; readonly uid: string }
  readonly secretName: string
}

/** Claims of a token kept in a Secret; they never expire and die with the Secret. */
export function legacyClaims({ namespace, serviceAccount, secretName }: LegacyClaims): object {
  return {
    iss: LEGACY_ISSUER,
    [`${LEGACY_CLAIM_PREFIX}/namespace`]: namespace,
    [`${LEGACY_CLAIM_PREFIX}/secret.name`]: secretName,
    [`${LEGACY_CLAIM_PREFIX}/service-account.name`]: serviceAccount.name,
    [`${LEGACY_CLAIM_PREFIX}/service-account.uid`]: serviceAccount.uid,
    sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
  }
}
