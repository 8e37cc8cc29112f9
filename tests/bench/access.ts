/** What authentication, authorization and admission cost a request, in CPU microseconds. Run: `node tests/bench/access.ts`. */

import type { AdmissionAttributes } from '../../core/apiserver/admission/admission.ts'
import { admissionPlugins } from '../../core/apiserver/admission/index.ts'
import { createWebhookClient } from '../../core/apiserver/admission/webhook/client.ts'
import type { Attributes, UserInfo } from '../../core/apiserver/auth/auth.ts'
import { createAuthorization } from '../../core/apiserver/auth/authorizer.ts'
import { createTokenIssuer } from '../../core/apiserver/auth/token/issuer.ts'
import { TokenVerifier } from '../../core/apiserver/auth/token/verifier.ts'
import { NODE_RULES, rbacObjects } from '../../core/apiserver/bootstrap/rbac/index.ts'
import { RESOURCES } from '../../core/apiserver/resources/index.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { createTokenSigner, verificationKeys } from '../../core/pki/jwt.ts'
import { generateKeyPair } from '../../core/pki/keys.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { writeOf } from '../helpers/admission.ts'
import { FakeReader } from '../helpers/object-reader.ts'

const RBAC = 'rbac.authorization.k8s.io'
const PLURALS: Readonly<Record<string, string>> = {
  Role: 'roles',
  ClusterRole: 'clusterroles',
  RoleBinding: 'rolebindings',
  ClusterRoleBinding: 'clusterrolebindings',
}
const core = (resource: string): { group: string; resource: string } => ({ group: '', resource })

const reader = new FakeReader()
const { roles, bindings } = rbacObjects()
for (const object of [...roles, ...bindings]) reader.put({ group: RBAC, resource: PLURALS[object.kind] ?? '' }, object)
reader.put(core('namespaces'), { metadata: { name: 'default' }, status: { phase: 'Active' } } as never)
reader.put(core('serviceaccounts'), { metadata: { name: 'default', namespace: 'default' } })
const { authorizer, rules } = createAuthorization(reader, NODE_RULES)
const user: UserInfo = {
  name: 'system:serviceaccount:kube-system:deployment-controller',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
}

async function measure(label: string, count: number, run: (index: number) => unknown): Promise<void> {
  for (let index = 0; index < count / 5; index += 1) await Promise.resolve(run(index))
  const before = process.cpuUsage()
  for (let index = 0; index < count; index += 1) {
    const pending = run(index)
    if (pending instanceof Promise) await pending
  }
  const { user: own, system } = process.cpuUsage(before)
  console.log(`${label.padEnd(36)} ${((own + system) / count).toFixed(2).padStart(9)} us`)
}

const question = (index: number, who = user): Attributes => ({
  kind: 'resource',
  user: who,
  verb: 'update',
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  subresource: 'status',
  namespace: `ns${index % 50}`,
  name: `d${index}`,
})
await measure('authorize, remembered', 500_000, (index) => authorizer.authorize(question(index)))
await measure('authorize, first time', 5_000, (index) => authorizer.authorize(question(index, { ...user })))

const pair = generateKeyPair()
const keys = { signing: pair, verifying: [pair.publicKey] }
const common = { audiences: ['i'], reader, clock: systemClock }
const issue = createTokenIssuer({ sign: createTokenSigner(keys), issuer: 'i', ...common })
const verifier = new TokenVerifier({ keys: verificationKeys(keys), issuers: ['i'], ...common })
const token = (): string => issue({ namespace: 'default', serviceAccount: 'default', request: {}, warn: () => undefined }).status.token
const tokens = Array.from({ length: 3_000 }, token)
await measure('verify a token, remembered', 200_000, () => verifier.verify(tokens[0] ?? ''))
await measure('verify a token, first time', 2_500, (index) => verifier.verify(tokens[index + 500] ?? ''))
await measure('issue a token', 2_000, token)

const plugins = admissionPlugins({
  reader,
  authorizer,
  rules,
  clock: systemClock,
  random: Math.random,
  log: silentLogger,
  webhooks: createWebhookClient(reader),
  resources: () => RESOURCES,
})
async function admit(attributes: AdmissionAttributes): Promise<void> {
  for (const round of ['admit', 'validate'] as const) {
    for (const plugin of plugins) {
      const pending = plugin.handles(attributes) ? plugin[round]?.(attributes) : undefined
      if (pending !== undefined) await pending
    }
  }
}
const configMap = writeOf({ resource: 'configmaps', object: { metadata: { name: 'x', namespace: 'default' }, data: {} } })
await measure('admission of a ConfigMap', 50_000, () => admit(configMap))
const pod = (): object => ({
  metadata: { name: 'x', namespace: 'default' },
  spec: { containers: [{ name: 'a', image: 'x', resources: {} }] },
})
await measure('admission of a Pod', 20_000, () => admit(writeOf({ object: pod() })))
