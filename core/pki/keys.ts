import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'

/** An ECDSA P-256 key pair; the only kind made here (RSA costs a hundred times more to make). */
export interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export function generateKeyPair(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** `EC PRIVATE KEY` (SEC 1), the form that K3s and kubeadm write. */
export function privateKeyPem(key: KeyObject): string {
  const type = key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs8'
  return key.export({ format: 'pem', type }).toString()
}

export function publicKeyDer(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' })
}

/** Accepts SEC 1, PKCS #1 and PKCS #8; throws for anything else. */
export function keyPairFromPem(pem: string | Buffer): KeyPair {
  const privateKey = createPrivateKey(pem)
  return { privateKey, publicKey: createPublicKey(privateKey) }
}
