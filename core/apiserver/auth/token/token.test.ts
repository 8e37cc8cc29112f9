import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { beforeEach, describe, it } from 'node:test'
import { importJWK, jwtVerify } from 'jose'
import { FakeReader } from '../../../../tests/helpers/object-reader.ts'
import { StatusError } from '../../../meta/status-error.ts'
import { createTokenSigner, jsonWebKeySet, verificationKeys } from '../../../pki/jwt.ts'
import { generateKeyPair, publicKeyDer } from '../../../pki/keys.ts'
import { legacyClaims } from '../../../pki/legacy-token.ts'
import { createAuthentication } from '../authenticate/authentication.ts'
import { bootstrapTokenAuthenticator } from '../authenticate/bootstrap-token.ts'
import { clientCertificateAuthenticator } from '../authenticate/client-certificate.ts'
import { impersonate } from '../authenticate/impersonation.ts'
import { serviceAccountAuthenticator } from '../authenticate/service-account.ts'
import { bearerToken, parseTokenFile, passwordAuthenticator, staticTokenAuthenticator } from '../authenticate/static-users.ts'
import { reviewToken } from '../review/token-review.ts'
import { createTokenIssuer } from './issuer.ts'
import { TokenVerifier } from './verifier.ts'

const ISSUER = 'https://kubernetes.default.svc.cluster.local'
const NOW = Date.UTC(2026, 5, 1)
const core = (resource: string): { group: string; resource: string } => ({ group: '', resource })
const signal = new AbortController().signal
const pair = generateKeyPair()
const keys = { signing: pair, verifying: [pair.publicKey] }
const sign = createTokenSigner(keys)
const metadata = { name: '', uid: '', resourceVersion: '', creationTimestamp: '' }

describe('service account tokens', () => {
  let reader = new FakeReader()
  let nowMs = NOW
  const clock = { now: () => nowMs, sleep: async () => Promise.resolve() }
  const audiences = [ISSUER, 'k3ts']
  const setUp = (): { verifier: TokenVerifier; issue: ReturnType<typeof createTokenIssuer> } => ({
    verifier: new TokenVerifier({ keys: verificationKeys(keys), issuers: [ISSUER], audiences, reader, clock }),
    issue: createTokenIssuer({ sign, issuer: ISSUER, audiences, reader, clock }),
  })
  let { verifier, issue } = setUp()
  beforeEach(() => {
    reader = new FakeReader()
    nowMs = NOW
    ;({ verifier, issue } = setUp())
    reader.put(core('serviceaccounts'), { metadata: { name: 'robot', namespace: 'ops' } })
    reader.put(core('pods'), {
      metadata: { name: 'web', namespace: 'ops' },
      spec: { serviceAccountName: 'robot', nodeName: 'one', containers: [] },
    } as never)
    reader.put(core('nodes'), { metadata: { name: 'one' } })
  })
  const order = (spec: object = {}): ReturnType<typeof issue> =>
    issue({ namespace: 'ops', serviceAccount: 'robot', request: { spec }, warn: () => undefined })
  const bound = { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web' } }
  const outcome = (token: string, wanted?: readonly string[]): string => {
    const result = verifier.verify(token, wanted)
    return result.outcome === 'bad' ? result.reason : result.outcome
  }

  it('carry the account, its pod and node', () => {
    const result = verifier.verify(order(bound).status.token)
    assert.equal(result.outcome, 'ok')
    const { user } = result.token
    assert.equal(user.name, 'system:serviceaccount:ops:robot')
    assert.deepEqual(user.groups, ['system:serviceaccounts', 'system:serviceaccounts:ops'])
    assert.equal(user.uid, 'uid-robot')
    assert.deepEqual(user.extra?.['authentication.kubernetes.io/pod-name'], ['web'])
    assert.deepEqual(user.extra['authentication.kubernetes.io/node-uid'], ['uid-one'])
    assert.match(user.extra['authentication.kubernetes.io/credential-id']?.[0] ?? '', /^JTI=[0-9a-f-]{36}$/)
  })

  it('are verified by other implementations with the published keys', async () => {
    const jwk = jsonWebKeySet(verificationKeys(keys)).keys[0]
    const { payload, protectedHeader } = await jwtVerify(order().status.token, await importJWK(jwk as never, 'ES256'), {
      issuer: ISSUER,
      audience: 'k3ts',
      currentDate: new Date(NOW + 1000),
    })
    assert.equal(payload.sub, 'system:serviceaccount:ops:robot')
    assert.equal(protectedHeader.alg, 'ES256')
  })

  it('answer with the same user record while remembered', () => {
    const { token } = order().status
    const [first, second] = [verifier.verify(token), verifier.verify(token)]
    assert.ok(first.outcome === 'ok' && second.outcome === 'ok')
    assert.equal(first.token.user, second.token.user)
  })

  it('die with their pod within ten seconds, and with another pod of the same name', () => {
    const { token } = order(bound).status
    assert.equal(outcome(token), 'ok')
    reader.remove(core('pods'), { namespace: 'ops', name: 'web' })
    nowMs += 10_001
    assert.equal(outcome(token), 'service account token has been invalidated')
    reader.put(core('pods'), { metadata: { name: 'web', namespace: 'ops', uid: 'other' } } as never)
    assert.equal(outcome(token), 'pod UID (other) does not match service account pod ref claim (uid-web)')
  })

  it('die with their account', () => {
    const { token } = order().status
    reader.put(core('serviceaccounts'), { metadata: { name: 'robot', namespace: 'ops', uid: 'new' } } as never)
    assert.equal(outcome(token), 'service account UID (new) does not match claim (uid-robot)')
    reader.remove(core('serviceaccounts'), { namespace: 'ops', name: 'robot' })
    assert.equal(outcome(token), 'serviceaccounts "robot" not found')
  })

  it('expire, but those of pods live a year for clients that never reload', () => {
    const plain = order({ expirationSeconds: 600 }).status.token
    const projected = order({ ...bound, expirationSeconds: 3607 })
    assert.equal(projected.status.expirationTimestamp, '2026-06-01T01:00:07Z')
    nowMs += 601_000
    assert.equal(outcome(plain), 'service account token has expired')
    nowMs += 7_200_000
    assert.equal(outcome(projected.status.token), 'ok')
    nowMs += 366 * 86_400_000
    assert.equal(outcome(projected.status.token), 'service account token has expired')
  })

  it('are good only for their audience', () => {
    const { token } = order({ audiences: ['vault'] }).status
    assert.equal(outcome(token), `token audiences ["vault"] is invalid for the target audiences ["${ISSUER}" "k3ts"]`)
    assert.equal(outcome(token, ['vault', 'x']), 'ok')
  })

  it('are refused when forged: other key, changed content, no algorithm, the public key as a secret', () => {
    const { token } = order().status
    const [header = '', claims = '', signature = ''] = token.split('.')
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const other = generateKeyPair()
    const content = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
    const changed = encode({ ...content, sub: 'system:serviceaccount:kube-system:admin' })
    const hmacHeader = encode({ alg: 'HS256' })
    const hmac = createHmac('sha256', publicKeyDer(pair.publicKey)).update(`${hmacHeader}.${claims}`).digest('base64url')
    for (const forged of [
      createTokenSigner({ signing: other, verifying: [] })(content),
      `${header}.${changed}.${signature}`,
      `${encode({ alg: 'none' })}.${claims}.`,
      `${hmacHeader}.${claims}.${hmac}`,
    ]) {
      assert.equal(outcome(forged), 'invalid signature')
    }
    assert.equal(outcome('not.a.token'), 'foreign')
    assert.equal(outcome(sign({ iss: 'https://elsewhere' })), 'foreign')
  })

  it('kept in a Secret live as long as it holds them', () => {
    const token = sign(legacyClaims({ namespace: 'ops', secretName: 'robot-token', serviceAccount: { name: 'robot', uid: 'uid-robot' } }))
    assert.equal(outcome(token), 'service account token has been invalidated')
    reader.put(core('secrets'), {
      metadata: { name: 'robot-token', namespace: 'ops' },
      data: { token: Buffer.from(token).toString('base64') },
    } as never)
    assert.equal(outcome(token), 'ok')
    reader.put(core('secrets'), { metadata: { name: 'robot-token', namespace: 'ops' }, data: { token: '' } } as never)
    nowMs += 10_001
    assert.equal(outcome(token), 'service account token does not match server copy')
  })

  for (const { title, spec, message } of [
    {
      title: 'too short',
      spec: { expirationSeconds: 60 },
      message:
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
    },
    { title: 'an unknown pod', spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'x' } }, message: 'pods "x" not found' },
    {
      title: 'another kind',
      spec: { boundObjectRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' } },
      message: 'cannot bind token to object of type apps/v1, Kind=Deployment',
    },
    {
      title: 'another uid',
      spec: { boundObjectRef: { ...bound.boundObjectRef, uid: 'y' } },
      message:
        'Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (y) does not match the UID in record. The object might have been deleted and then recreated',
    },
  ]) {
    it(`are not issued for ${title}`, () => {
      assert.throws(() => order(spec), { message })
    })
  }

  it('are shortened to a year, with a warning', () => {
    const warnings: string[] = []
    const request = { spec: { expirationSeconds: 400 * 86_400 } } as never
    const token = issue({ namespace: 'ops', serviceAccount: 'robot', request, warn: (text) => warnings.push(text) })
    assert.equal(token.status.expirationTimestamp, '2027-06-01T00:00:00Z')
    assert.deepEqual(warnings, ['requested expiration of 34560000 seconds shortened to 31536000 seconds'])
    reader.put(core('secrets'), { metadata: { name: 'robot-token', namespace: 'ops' } })
    const kept = order({ expirationSeconds: 2 ** 32, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: 'robot-token' } })
    assert.equal(kept.status.expirationTimestamp.slice(0, 4), '2162')
    assert.equal(outcome(kept.status.token), 'ok')
    reader.remove(core('secrets'), { namespace: 'ops', name: 'robot-token' })
    nowMs += 10_001
    assert.equal(outcome(kept.status.token), 'service account token has been invalidated')
  })

  it('are reviewed with their audiences', async () => {
    const deps = { verifier, others: [], audiences }
    const review = (spec: object): ReturnType<typeof reviewToken> => reviewToken({ metadata, spec, status: { user: {} } }, deps, signal)
    const good = await review({ token: order().status.token })
    assert.equal(good.status.authenticated, true)
    assert.deepEqual(good.status.audiences, audiences)
    assert.ok(good.status.user.groups?.includes('system:authenticated'))
    const bad = await review({ token: order({ audiences: ['vault'] }).status.token })
    assert.equal(bad.status.authenticated, undefined)
    assert.match(bad.status.error ?? '', /^\[invalid bearer token, token audiences/)
    assert.deepEqual((await review({ token: order({ audiences: ['vault'] }).status.token, audiences: ['vault', 'x'] })).status.audiences, [
      'vault',
    ])
    assert.equal((await review({ token: 'x' })).status.error, 'invalid bearer token')
  })

  it('authenticate requests; bad ones are unauthorized even on open paths', async () => {
    const authentication = createAuthentication([clientCertificateAuthenticator, serviceAccountAuthenticator(verifier)])
    const { token } = order().status
    const user = await authentication.authenticate({ headers: { authorization: `Bearer ${token}` }, path: '/api' }, signal)
    assert.deepEqual(user?.groups, ['system:serviceaccounts', 'system:serviceaccounts:ops', 'system:authenticated'])
    const bad = { headers: { authorization: `Bearer ${token}x` } }
    await assert.rejects(async () => authentication.authenticate(bad, signal), { message: 'Unauthorized', code: 401 })
    await assert.rejects(async () => authentication.authenticate({ ...bad, path: '/healthz' }, signal), { code: 401 })
    await assert.rejects(async () => authentication.authenticate({ headers: {}, path: '/api' }, signal), { code: 401 })
    await assert.rejects(async () => authentication.authenticate({ headers: {}, path: '/version' }, signal), { code: 401 })
    assert.equal((await authentication.authenticate({ headers: {}, path: '/readyz' }, signal))?.name, 'system:anonymous')
  })
})

describe('other credentials', () => {
  it('are certificates: common name and organizations', async () => {
    const certificate = { commonName: 'jane', organizations: ['devs'] }
    const authentication = createAuthentication([clientCertificateAuthenticator])
    const user = await authentication.authenticate({ headers: {}, certificate }, signal)
    assert.deepEqual(user, { name: 'jane', groups: ['devs', 'system:authenticated'] })
    assert.equal(await authentication.authenticate({ headers: {}, certificate }, signal), user)
    const traced = await authentication.authenticate({ headers: {}, certificate: { ...certificate, fingerprint: 'ab12' } }, signal)
    assert.deepEqual(traced?.extra, { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab12'] })
    await assert.rejects(
      async () => authentication.authenticate({ headers: {}, certificate: { commonName: '', organizations: [] } }, signal),
      {
        code: 401,
      },
    )
  })

  it('are tokens of a file', async () => {
    const tokens = parseTokenFile('abc,jane,1,"devs,ops"\n\n# comment\ndef,john,2\n')
    const authenticator = staticTokenAuthenticator(tokens)
    assert.deepEqual(await authenticator.authenticate({ headers: { authorization: 'bearer abc' } }, signal), {
      name: 'jane',
      uid: '1',
      groups: ['devs', 'ops'],
    })
    assert.equal(await authenticator.authenticate({ headers: { authorization: 'Bearer nope' } }, signal), undefined)
    assert.throws(() => parseTokenFile('abc,jane'), /line 1/)
  })

  it('are passwords of joining nodes', async () => {
    const authenticator = passwordAuthenticator([{ name: 'node', password: 'a:b', groups: ['k3s:agent'] }])
    const basic = (text: string): { headers: { authorization: string } } => ({
      headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
    })
    assert.deepEqual((await authenticator.authenticate(basic('node:a:b'), signal))?.groups, ['k3s:agent'])
    await assert.rejects(async () => authenticator.authenticate(basic('node:wrong'), signal), StatusError)
    assert.equal(await authenticator.authenticate({ headers: {} }, signal), undefined)
  })

  it('are bootstrap tokens in Secrets, while they last', async () => {
    const reader = new FakeReader()
    const data = (more: Record<string, string>): object =>
      Object.fromEntries(
        Object.entries({ 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', ...more }).map(
          ([key, value]) => [key, Buffer.from(value).toString('base64')],
        ),
      )
    const put = (more: Record<string, string> = {}): unknown =>
      reader.put(core('secrets'), {
        metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
        type: 'bootstrap.kubernetes.io/token',
        data: data(more),
      } as never)
    const authenticator = bootstrapTokenAuthenticator(reader, { now: () => NOW, sleep: async () => Promise.resolve() })
    const who = async (token = 'abcdef.0123456789abcdef'): Promise<unknown> =>
      authenticator.authenticate({ headers: { authorization: `Bearer ${token}` } }, signal)
    assert.equal(await who(), undefined)
    put({ expiration: '2026-06-02T00:00:00Z', 'auth-extra-groups': 'system:bootstrappers:k3ts' })
    assert.deepEqual(await who(), { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:bootstrappers:k3ts'] })
    assert.equal(await who('abcdef.0123456789abcdee'), undefined)
    for (const bad of [
      { expiration: '2026-05-31T00:00:00Z' },
      { 'usage-bootstrap-authentication': 'false' },
      { 'auth-extra-groups': 'system:masters' },
    ]) {
      put(bad)
      assert.equal(await who(), undefined, JSON.stringify(bad))
    }
  })

  it('are tokens in a WebSocket subprotocol', () => {
    const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from('abc').toString('base64url')}, v5.channel.k8s.io`
    assert.equal(bearerToken({ upgrade: 'websocket', 'sec-websocket-protocol': protocol }), 'abc')
    assert.equal(bearerToken({ 'sec-websocket-protocol': protocol }), undefined)
  })
})

describe('impersonation', () => {
  const admin = { name: 'admin', groups: ['system:masters'] }
  const allowAll = { authorize: () => ({ allowed: true, reason: '' }) }

  it('takes over user, groups, uid and extra', () => {
    const headers = {
      'impersonate-user': 'jane',
      'impersonate-group': 'a, b',
      'impersonate-uid': '7',
      'impersonate-extra-scopes%2fx': 'view, edit',
    }
    assert.deepEqual(impersonate(admin, headers, allowAll), {
      name: 'jane',
      groups: ['a', 'b', 'system:authenticated'],
      uid: '7',
      extra: { 'scopes/x': ['view', 'edit'] },
    })
  })

  it('gives a service account its groups', () => {
    const { groups } = impersonate(admin, { 'impersonate-user': 'system:serviceaccount:ops:robot' }, allowAll)
    assert.deepEqual(groups, ['system:serviceaccounts', 'system:serviceaccounts:ops', 'system:authenticated'])
  })

  it('asks for each part', () => {
    const asked: string[] = []
    const authorizer = {
      authorize: (a: { kind: string; resource?: string; name?: string }) => {
        asked.push(`${a.resource ?? ''}/${a.name ?? ''}`)
        return { allowed: a.resource !== 'groups', reason: '' }
      },
    }
    assert.throws(
      () => impersonate({ name: 'bob', groups: [] }, { 'impersonate-user': 'jane', 'impersonate-group': 'system:masters' }, authorizer),
      {
        message:
          'groups "system:masters" is forbidden: User "bob" cannot impersonate resource "groups" in API group "" at the cluster scope',
      },
    )
    assert.deepEqual(asked, ['users/jane', 'groups/system:masters'])
  })

  it('leaves requests without its headers alone', () => {
    assert.equal(impersonate(admin, { host: 'x' }, allowAll), admin)
    assert.throws(() => impersonate(admin, { 'impersonate-group': 'x' }, allowAll), /without impersonating a user/)
  })
})
