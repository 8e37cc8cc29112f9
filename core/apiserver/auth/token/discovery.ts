import { jsonWebKeySet, type VerificationKey } from '../../../pki/jwt.ts'

/** Body and headers of one of the two documents that let others verify service account tokens. */
export interface DiscoveryDocument {
  readonly path: string
  readonly contentType: string
  readonly cacheControl: string
  readonly body: Uint8Array
}

export interface DiscoveryOptions {
  readonly issuer: string
  /** Address under which others reach this server, such as `https://10.0.0.5:6443`. */
  readonly externalUrl: string
  readonly keys: readonly VerificationKey[]
}

const CACHE_CONTROL = 'public, max-age=3600'

/** `/.well-known/openid-configuration` and `/openid/v1/jwks`. Source: kubernetes, pkg/serviceaccount/openidmetadata.go. */
export function openIdDocuments({ issuer, externalUrl, keys }: DiscoveryOptions): readonly DiscoveryDocument[] {
  const configuration = {
    issuer,
    jwks_uri: `${externalUrl}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(keys.map((key) => key.algorithm))].sort(),
  }
  return [
    document('/.well-known/openid-configuration', 'application/json', configuration),
    document('/openid/v1/jwks', 'application/jwk-set+json', jsonWebKeySet(keys)),
  ]
}

function document(path: string, contentType: string, value: object): DiscoveryDocument {
  return { path, contentType, cacheControl: CACHE_CONTROL, body: Buffer.from(JSON.stringify(value)) }
}
