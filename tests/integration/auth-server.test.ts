/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { admissionPlugins } from '../../core/apiserver/admission/index.ts'
import { createWebhookClient } from '../../core/apiserver/admission/webhook/client.ts'
import type { UserInfo } from '../../core/apiserver/auth/auth.ts'
import { createAuthorization } from '../../core/apiserver/auth/authorizer.ts'
import { discoveryPaths, reviewHandlers, TOKEN_SUBRESOURCE, tokenHandler } from '../../core/apiserver/auth/endpoints.ts'
import { openIdDocuments } from '../../core/apiserver/auth/token/discovery.ts'
import { createTokenIssuer } from '../../core/apiserver/auth/token/issuer.ts'
import { TokenVerifier } from '../../core/apiserver/auth/token/verifier.ts'
import { APISERVER_USER } from '../../core/apiserver/auth/users.ts'
import { bootstrapObjects } from '../../core/apiserver/bootstrap/bootstrap.ts'
import { NODE_RULES } from '../../core/apiserver/bootstrap/rbac/index.ts'
import { createObjectReader } from '../../core/apiserver/object-reader.ts'
import { RESOURCES } from '../../core/apiserver/resources/index.ts'
import { StatusError } from '../../core/meta/status-error.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { createTokenSigner, verificationKeys } from '../../core/pki/jwt.ts'
import { generateKeyPair } from '../../core/pki/keys.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { type Engine, startEngine } from '../helpers/engine.ts'
import { eventually } from '../helpers/eventually.ts'

const ISSUER = 'https://kubernetes.default.svc.cluster.local'
const signal = new AbortController().signal
const jane: UserInfo = { name: 'jane', groups: ['system:authenticated'] }
const settings = {
  serviceCidr: '10.43.0.0/16',
  apiServerAddresses: ['10.0.0.5'],
  apiServerPort: 6443,
  clientCaPem: 'client',
  requestHeaderCaPem: 'front',
  requestHeaderAllowedNames: [],
}

/** The engine with everything of authentication, authorization and admission, as a server has it. */
describe('a server with its users', () => {
  let engine: Engine
  let verifier: TokenVerifier
  let bootstrap: () => Promise<number>
  before(async () => {
    const pair = generateKeyPair()
    const keys = { signing: pair, verifying: [pair.publicKey] }
    engine = await startEngine({
      with: (deps, caches) => {
        const reader = createObjectReader({ resources: deps.resources, cacheOf: (prefix) => caches.get(prefix), signal, log: silentLogger })
        const { authorizer, rules } = createAuthorization(reader, NODE_RULES)
        const audiences = [ISSUER]
        verifier = new TokenVerifier({ keys: verificationKeys(keys), issuers: [ISSUER], audiences, reader, clock: systemClock })
        const issue = createTokenIssuer({ sign: createTokenSigner(keys), issuer: ISSUER, audiences, reader, clock: systemClock })
        bootstrap = async () => {
          let requests = 0
          await bootstrapObjects({
            reader,
            settings,
            nowMs: Date.now(),
            request: async (method, path, body) => {
              requests += 1
              const answer = await engine.call(method, path, body, { user: APISERVER_USER })
              if (answer.status >= 400) throw StatusError.fromStatus(answer.json as object, answer.status)
              return answer.json as unknown
            },
          })
          return requests
        }
        return {
          ...deps,
          authorizer,
          admission: admissionPlugins({
            reader,
            authorizer,
            rules,
            clock: systemClock,
            random: Math.random,
            log: silentLogger,
            webhooks: createWebhookClient(reader),
            resources: () => RESOURCES,
          }),
          virtual: reviewHandlers({ authorizer, rules, verifier, others: [], audiences }),
          subresources: new Map([[TOKEN_SUBRESOURCE, tokenHandler(issue)]]),
          paths: [discoveryPaths(openIdDocuments({ issuer: ISSUER, externalUrl: 'https://10.0.0.5:6443', keys: verificationKeys(keys) }))],
        }
      },
    })
  })
  after(async () => engine[Symbol.asyncDispose]())
  const as = (user: UserInfo): { user: UserInfo } => ({ user })

  it('starts with the objects of every cluster, and makes them once', async (t) => {
    const started = performance.now()
    const made = await bootstrap()
    t.diagnostic(`${made} objects in ${(performance.now() - started).toFixed(0)} ms`)
    assert.ok(made > 150)
    const again = performance.now()
    assert.equal(await bootstrap(), 0)
    t.diagnostic(`compared in ${(performance.now() - again).toFixed(1)} ms`)
    const service = await engine.call('GET', '/api/v1/namespaces/default/services/kubernetes')
    assert.equal(service.json.spec.clusterIP, '10.43.0.1')
  })

  it('refuses strangers in the words of Kubernetes', async () => {
    const answer = await engine.call('GET', '/api/v1/namespaces/default/pods', undefined, as(jane))
    assert.equal(answer.status, 403)
    assert.equal(
      answer.json.message,
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
    )
  })

  it('follows roles and bindings at once, and holds their authors to their own rights', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default'
    const role = { metadata: { name: 'readers' }, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] }
    const binding = {
      metadata: { name: 'readers' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'readers' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'jane' }],
    }
    assert.equal((await engine.call('POST', `${rbac}/roles`, role)).status, 201)
    assert.equal((await engine.call('POST', `${rbac}/rolebindings`, binding)).status, 201)
    assert.equal((await engine.call('GET', '/api/v1/namespaces/default/pods', undefined, as(jane))).status, 200)
    const editor = {
      metadata: { name: 'editors' },
      rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['*'], verbs: ['create'] }],
    }
    await engine.call('POST', `${rbac}/roles`, editor)
    await engine.call('POST', `${rbac}/rolebindings`, {
      ...binding,
      metadata: { name: 'editors' },
      roleRef: { ...binding.roleRef, name: 'editors' },
    })
    const wide = { metadata: { name: 'wide' }, rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] }
    const refused = await engine.call('POST', `${rbac}/roles`, wide, as(jane))
    assert.equal(refused.status, 403)
    assert.match(
      refused.json.message as string,
      /is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["secrets"\], Verbs:\["get"\]\}/,
    )
    assert.equal((await engine.call('POST', `${rbac}/roles`, { ...role, metadata: { name: 'same' } }, as(jane))).status, 201)
  })

  it('answers who and what one may', async () => {
    const self = await engine.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, as(jane))
    assert.deepEqual(self.json.status.userInfo, { username: 'jane', groups: ['system:authenticated'] })
    const url = '/apis/authorization.k8s.io/v1'
    const resourceAttributes = { verb: 'list', resource: 'pods', namespace: 'default' }
    const own = await engine.call('POST', `${url}/selfsubjectaccessreviews`, { spec: { resourceAttributes } }, as(jane))
    assert.equal(own.status, 201)
    assert.deepEqual(own.json.status, {
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "readers/default" of Role "readers" to User "jane"',
    })
    const other = await engine.call('POST', `${url}/subjectaccessreviews`, { spec: { user: 'john', resourceAttributes } })
    assert.deepEqual(other.json.status, { allowed: false })
    const none = await engine.call('POST', `${url}/subjectaccessreviews`, { spec: { resourceAttributes } })
    assert.equal(none.status, 422)
    const rules = await engine.call('POST', `${url}/selfsubjectrulesreviews`, { spec: { namespace: 'default' } }, as(jane))
    assert.ok((rules.json.status.resourceRules as { resources: string[] }[]).some(({ resources }) => resources.includes('pods')))
    const local = { spec: { user: 'jane', resourceAttributes: { ...resourceAttributes, namespace: 'x' } } }
    assert.equal((await engine.call('POST', `${url}/namespaces/default/localsubjectaccessreviews`, local)).status, 400)
  })

  it('issues tokens that are known again until their account goes', async () => {
    assert.equal((await engine.call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'robot' } })).status, 201)
    const issued = await engine.call('POST', '/api/v1/namespaces/default/serviceaccounts/robot/token', { spec: { expirationSeconds: 600 } })
    assert.equal(issued.status, 201, issued.text)
    const { token } = issued.json.status as { token: string }
    const review = await engine.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token } })
    assert.equal(review.json.status.user.username, 'system:serviceaccount:default:robot')
    assert.equal(verifier.verify(token).outcome, 'ok')
    const fresh = await engine.call('POST', '/api/v1/namespaces/default/serviceaccounts/robot/token', {})
    await engine.call('DELETE', '/api/v1/namespaces/default/serviceaccounts/robot')
    assert.equal(verifier.verify((fresh.json.status as { token: string }).token).outcome, 'bad')
    assert.equal((await engine.call('POST', '/api/v1/namespaces/default/serviceaccounts/robot/token', {})).status, 404)
  })

  it('publishes its keys to those who may read them', async () => {
    const robot: UserInfo = { name: 'system:serviceaccount:default:x', groups: ['system:serviceaccounts', 'system:authenticated'] }
    const configuration = await engine.call('GET', '/.well-known/openid-configuration', undefined, as(robot))
    assert.equal(configuration.json.jwks_uri, 'https://10.0.0.5:6443/openid/v1/jwks')
    assert.equal((await engine.call('GET', '/openid/v1/jwks', undefined, as(robot))).json.keys[0].alg, 'ES256')
    assert.equal((await engine.call('GET', '/openid/v1/jwks', undefined, as({ name: 'x', groups: [] }))).status, 403)
  })

  it('fills pods in, and holds namespaces to their limits under concurrent writes', async () => {
    await engine.call('POST', '/api/v1/namespaces', { metadata: { name: 'small' } })
    await engine.call('POST', '/api/v1/namespaces/small/serviceaccounts', { metadata: { name: 'default' } })
    await engine.call('POST', '/api/v1/namespaces/small/resourcequotas', { metadata: { name: 'q' }, spec: { hard: { pods: '3' } } })
    const pod = (name: string): object => ({ metadata: { name }, spec: { containers: [{ name: 'a', image: 'x' }] } })
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (_, at) => engine.call('POST', '/api/v1/namespaces/small/pods', pod(`p${at}`))),
    )
    assert.equal(answers.filter(({ status }) => status === 201).length, 3)
    const refused = answers.find(({ status }) => status === 403)
    assert.match(refused?.json.message as string, /exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3/)
    const made = answers.find(({ status }) => status === 201)?.json
    assert.equal(made.spec.serviceAccountName, 'default')
    assert.equal(made.spec.priority, 0)
    assert.equal(made.spec.tolerations.length, 2)
    assert.match(made.spec.volumes[0].name as string, /^kube-api-access-.{5}$/)
    await engine.call('DELETE', `/api/v1/namespaces/small/pods/${made.metadata.name as string}?gracePeriodSeconds=0`)
    await eventually(async () => {
      assert.equal((await engine.call('POST', '/api/v1/namespaces/small/pods', pod('next'))).status, 201)
    })
  })

  it('lets a node see and touch only what is its own', async () => {
    const node: UserInfo = { name: 'system:node:one', groups: ['system:nodes', 'system:authenticated'] }
    const created = await engine.call('POST', '/api/v1/nodes', { metadata: { name: 'one' } }, as(node))
    assert.equal(created.status, 201, created.text)
    assert.deepEqual(created.json.spec.taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }])
    assert.equal((await engine.call('POST', '/api/v1/nodes', { metadata: { name: 'two' } }, as(node))).status, 403)
    assert.equal((await engine.call('GET', '/api/v1/pods', undefined, as(node))).status, 403)
    assert.equal((await engine.call('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Done', undefined, as(node))).status, 200)
    assert.equal((await engine.call('GET', '/api/v1/services', undefined, as(node))).status, 200)
  })

  it('keeps namespaces that end closed, and system namespaces alive', async () => {
    assert.equal((await engine.call('DELETE', '/api/v1/namespaces/kube-system')).status, 403)
    await engine.call('POST', '/api/v1/namespaces', { metadata: { name: 'ending' }, spec: { finalizers: ['kubernetes'] } })
    await engine.call('DELETE', '/api/v1/namespaces/ending')
    const refused = await engine.call('POST', '/api/v1/namespaces/ending/configmaps', { metadata: { name: 'x' } })
    assert.equal(refused.status, 403, refused.text)
    assert.match(refused.json.message as string, /because it is being terminated/)
    assert.equal((await engine.call('POST', '/api/v1/namespaces/absent/configmaps', { metadata: { name: 'x' } })).status, 404)
  })
})
