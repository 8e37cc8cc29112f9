import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { httpsTransport } from '../../core/client/https.ts'
import { apiServerOptions } from '../../core/cli/api-server-args.ts'
import { apiServerArgs } from '../../core/config/component-args.ts'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { ADMIN } from '../helpers/engine.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

async function start(...args: readonly string[]): Promise<TestApiServer> {
  const problems: string[] = []
  const options = apiServerOptions(apiServerArgs(args, problems))
  assert.deepEqual(problems, [])
  return startTestApiServer(options)
}

/** Status and, when the server knows the caller, its name. */
async function whoIs({ port, pki }: TestApiServer, token: string): Promise<string> {
  const ca = pki.authorities['server-ca'].certificatePem
  await using transport = httpsTransport({ url: `https://127.0.0.1:${port}`, ca, token: () => token })
  const body = Buffer.from(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }))
  const headers = { 'content-type': 'application/json' }
  const answer = await transport.request(
    { method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews', headers, body },
    AbortSignal.timeout(5_000),
  )
  const { status } = JSON.parse(Buffer.from(answer.body).toString()) as {
    readonly status: { readonly userInfo?: { readonly username: string } }
  }
  return `${answer.status} ${status.userInfo?.username ?? ''}`
}

async function create({ api }: TestApiServer, path: string, object: object): Promise<{ readonly status: number; readonly text: string }> {
  const body = Buffer.from(JSON.stringify(object))
  const answer = await api.handle({
    method: 'POST',
    path,
    query: new URLSearchParams(),
    headers: { 'content-type': 'application/json' },
    body: () => Promise.resolve(body),
    user: ADMIN,
    signal: AbortSignal.timeout(5_000),
  })
  return { status: answer.status, text: Buffer.from(answer.body as Uint8Array).toString() }
}

const BOOTSTRAP = {
  metadata: { name: 'bootstrap-token-abcdef' },
  type: 'bootstrap.kubernetes.io/token',
  stringData: { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true' },
}

describe('arguments of the API server', () => {
  it('let bootstrap tokens in, which is the default, or not', async () => {
    for (const [args, expected] of [
      [[], '201 system:bootstrap:abcdef'],
      [['enable-bootstrap-token-auth=false'], '401 '],
    ] as const) {
      await using server = await start(...args)
      assert.equal((await create(server, '/api/v1/namespaces/kube-system/secrets', BOOTSTRAP)).status, 201)
      assert.equal(await whoIs(server, 'abcdef.0123456789abcdef'), expected)
      assert.equal(await whoIs(server, 'abcdef.0123456789abcdee'), '401 ')
    }
  })

  it('name a file of tokens', async () => {
    await using folder = await temporaryFolder('token-file')
    const path = join(folder.path, 'tokens.csv')
    await writeFile(path, 'sesame,jane,7,"devs"\n')
    await using server = await start(`token-auth-file=${path}`)
    assert.equal(await whoIs(server, 'sesame'), '201 jane')
    assert.equal(await whoIs(server, 'sesam'), '401 ')
  })

  it('switch admission plugins on and off and configure them', async () => {
    await using folder = await temporaryFolder('admission-file')
    const path = join(folder.path, 'admission.yaml')
    await writeFile(path, 'kind: AdmissionConfiguration\nplugins: [{ name: PodSecurity, path: pod-security.yaml }]\n')
    await writeFile(join(folder.path, 'pod-security.yaml'), 'defaults: { enforce: baseline }\n')
    const pod = {
      metadata: { name: 'p' },
      spec: { hostNetwork: true, containers: [{ name: 'c', image: 'busybox', imagePullPolicy: 'Never' }] },
    }
    const spec = { ...pod, spec: { ...pod.spec, hostNetwork: false, serviceAccountName: 'default' } }
    {
      await using server = await start(`admission-control-config-file=${path}`, 'enable-admission-plugins=AlwaysPullImages')
      await create(server, '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } })
      const refused = await create(server, '/api/v1/namespaces/default/pods', pod)
      assert.deepEqual([refused.status, refused.text.includes('violates PodSecurity')], [403, true])
      const made = await create(server, '/api/v1/namespaces/default/pods', spec)
      assert.match(made.text, /"imagePullPolicy":"Always"/)
    }
    await using server = await start(`admission-control-config-file=${path}`, 'disable-admission-plugins=PodSecurity,ServiceAccount')
    const made = await create(server, '/api/v1/namespaces/default/pods', pod)
    assert.equal(made.status, 201, made.text)
  })
})
