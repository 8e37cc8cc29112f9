import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { createAuthentication } from '../../core/apiserver/auth/authenticate/authentication.ts'
import { clientCertificateAuthenticator } from '../../core/apiserver/auth/authenticate/client-certificate.ts'
import { serviceAccountAuthenticator } from '../../core/apiserver/auth/authenticate/service-account.ts'
import { createAuthorization } from '../../core/apiserver/auth/authorizer.ts'
import { reviewHandlers, TOKEN_SUBRESOURCE, tokenHandler } from '../../core/apiserver/auth/endpoints.ts'
import { createTokenIssuer } from '../../core/apiserver/auth/token/issuer.ts'
import { TokenVerifier } from '../../core/apiserver/auth/token/verifier.ts'
import { NODE_RULES } from '../../core/apiserver/bootstrap/rbac/index.ts'
import { type HttpServer, startHttpServer } from '../../core/apiserver/http/http-server.ts'
import { createObjectReader } from '../../core/apiserver/object-reader.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { createAuthority, type Identity, issue } from '../../core/pki/authority.ts'
import { createTokenSigner, verificationKeys } from '../../core/pki/jwt.ts'
import { APISERVER_SERVING } from '../../core/pki/layout.ts'
import { openNodePki, openServerPki, type ServerPki } from '../../core/pki/server-pki.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { type Engine, startEngine } from '../helpers/engine.ts'
import { serverNames } from '../helpers/pki.ts'

const ISSUER = 'https://kubernetes.default.svc.cluster.local'
const DAY_MS = 86_400_000

interface Reply {
  readonly status: number
  readonly text: string
  readonly serial: string
}

describe('users over real TLS', () => {
  let dataDir = ''
  let engine: Engine
  let server: HttpServer
  let pki: ServerPki
  const life = new AbortController()
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'k3ts-auth-tls-'))
    pki = await openServerPki({ dataDir, names: serverNames(), nowMs: Date.now() })
    let verifier: TokenVerifier | undefined
    engine = await startEngine({
      with: (deps, caches) => {
        const reader = createObjectReader({
          resources: deps.resources,
          cacheOf: (prefix) => caches.get(prefix),
          signal: life.signal,
          log: silentLogger,
        })
        const { authorizer, rules } = createAuthorization(reader, NODE_RULES)
        const common = { audiences: [ISSUER], reader, clock: systemClock }
        verifier = new TokenVerifier({ keys: verificationKeys(pki.serviceKeys), issuers: [ISSUER], ...common })
        const issueToken = createTokenIssuer({ sign: createTokenSigner(pki.serviceKeys), issuer: ISSUER, ...common })
        return {
          ...deps,
          authorizer,
          virtual: reviewHandlers({ authorizer, rules, verifier, others: [], audiences: [ISSUER] }),
          subresources: new Map([[TOKEN_SUBRESOURCE, tokenHandler(issueToken)]]),
        }
      },
    })
    assert.ok(verifier)
    const authentication = createAuthentication([clientCertificateAuthenticator, serviceAccountAuthenticator(verifier)])
    server = await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      material: material(pki),
      handler: engine.server.handle,
      authenticate: async (credentials, signal) => authentication.authenticate(credentials, signal),
      log: silentLogger,
    })
    pki.leafs.onRenewed((name) => {
      if (name === APISERVER_SERVING) server.replaceMaterial(material(pki))
    })
  })
  after(async () => {
    await server.stop(100)
    life.abort()
    await engine[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true })
  })

  const material = ({ leafs, authorities }: ServerPki): Parameters<HttpServer['replaceMaterial']>[0] => {
    const leaf = leafs.get(APISERVER_SERVING)
    return { certificate: leaf.certificatePem, key: leaf.keyPem, clientAuthorities: authorities['client-ca'].certificatePem }
  }

  const call = (method: string, path: string, more: { identity?: Identity; token?: string; body?: object } = {}): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const { identity, token, body } = more
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: server.port,
          servername: 'kubernetes.default.svc',
          method,
          path,
          agent: false,
          ca: pki.authorities['server-ca'].certificatePem,
          ...(identity !== undefined && { cert: identity.certificatePem, key: identity.keyPem }),
          headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
        },
        (response) => {
          const chunks: Buffer[] = []
          const serial = (response.socket as unknown as Pick<TLSSocket, 'getPeerCertificate'>).getPeerCertificate().serialNumber
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), serial })
          })
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })
  const whoAmI = async (more: Parameters<typeof call>[2]): Promise<string> => {
    const reply = await call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      ...more,
      body: { spec: { resourceAttributes: { verb: 'list', resource: 'secrets' } } },
    })
    return `${reply.status} ${reply.status === 201 ? String((JSON.parse(reply.text) as { status: { allowed: boolean } }).status.allowed) : ''}`
  }

  it('are known by certificate', async () => {
    assert.equal(await whoAmI({ identity: pki.leafs.get('client-admin') }), '201 true')
    const node = await openNodePki({ dataDir, nodeName: 'one', nodeIps: [], nowMs: Date.now() }, pki.authorities)
    const reply = await call('GET', '/api/v1/nodes/two', { identity: node.get('client-kubelet') })
    assert.equal(reply.status, 403)
    assert.match(reply.text, /User \\"system:node:one\\" cannot get resource.*only its own Node object/)
  })

  it('are known by token', async () => {
    const admin = pki.leafs.get('client-admin')
    await call('POST', '/api/v1/namespaces/default/serviceaccounts', { identity: admin, body: { metadata: { name: 'robot' } } })
    const issued = await call('POST', '/api/v1/namespaces/default/serviceaccounts/robot/token', { identity: admin, body: {} })
    const { token } = (JSON.parse(issued.text) as { status: { token: string } }).status
    const reply = await call('GET', '/api/v1/secrets', { token })
    assert.equal(reply.status, 403)
    assert.match(reply.text, /system:serviceaccount:default:robot/)
    assert.equal((await call('GET', '/api/v1/secrets', { token: `${token}x` })).status, 401)
  })

  it('are nobody with a certificate of another authority, or one that serves', async () => {
    const foreign = issue(
      createAuthority('k3ts-client-ca@1', Date.now()),
      { subject: { commonName: 'x', organizations: ['system:masters'] }, usages: ['clientAuth'] },
      Date.now(),
    )
    assert.equal((await call('GET', '/api/v1/secrets', { identity: foreign })).status, 401)
    assert.equal((await call('GET', '/api/v1/secrets', { identity: pki.leafs.get(APISERVER_SERVING) })).status, 401)
    const expired = issue(
      pki.authorities['client-ca'],
      { subject: { commonName: 'x', organizations: ['system:masters'] }, usages: ['clientAuth'], lifeDays: 1 },
      Date.now() - 5 * DAY_MS,
    )
    assert.equal((await call('GET', '/api/v1/secrets', { identity: expired })).status, 401)
  })

  it('reach health and nothing else without credentials', async () => {
    assert.notEqual((await call('GET', '/livez')).status, 401)
    for (const path of ['/', '/api', '/version', '/metrics', '/openapi/v3', '/api/v1/pods']) {
      const reply = await call('GET', path)
      assert.equal(reply.status, 401, path)
      assert.equal((JSON.parse(reply.text) as { message: string }).message, 'Unauthorized')
    }
  })

  it('see a renewed certificate without a restart', async () => {
    const before = (await call('GET', '/livez')).serial
    assert.equal(await pki.leafs.addHosts(APISERVER_SERVING, ['192.0.2.9'], Date.now()), true)
    const after = (await call('GET', '/livez')).serial
    assert.notEqual(after, before)
    assert.equal(after, pki.leafs.get(APISERVER_SERVING).certificate.serialNumber)
  })
})
