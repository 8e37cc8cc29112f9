import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request as httpsRequest, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { apiServices, clusterRoleBindings, clusterRoles, nodes, pods, serviceAccounts, services } from '../../core/api/kinds.ts'
import { findCondition } from '../../core/meta/conditions.ts'
import { altNamesOf } from '../../core/pki/alt-names.ts'
import { issue } from '../../core/pki/authority.ts'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { inClusterTest, type InClusterTest } from '../helpers/in-cluster.ts'
import { type Tools, tools } from '../helpers/kubectl.ts'

const MAIN = new URL('../../addons/metrics-server/main.ts', import.meta.url).pathname
const LIST = '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods'
const SERVICE = { namespace: 'kube-system', name: 'metrics-server' }
const life = new AbortController()
const { signal } = life

interface Answer {
  readonly status: number
  readonly text: string
}

describe('the metrics-server program between a kubelet and an API server', () => {
  let api: TestApiServer
  let cluster: InClusterTest
  let kubelet: Server
  let child: ChildProcess
  let port = 0
  let cli: Tools
  /** CPU seconds that the kubelet counts up at each scrape. */
  let used = 100
  const tokens: (string | undefined)[] = []

  before(async () => {
    api = await startTestApiServer()
    cluster = await inClusterTest(api, signal)
    cli = await tools(api.kubeconfig, api.folder)
    kubelet = await startKubelet()
    const { client } = cluster
    await client.create(nodes, { metadata: { name: 'n1', labels: { zone: 'a' } } }, { signal })
    const node = await client.get(nodes, { name: 'n1' }, signal)
    await client.updateStatus(
      nodes,
      {
        ...node,
        status: {
          ...node.status,
          addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
          allocatable: { cpu: '2', memory: '1Gi' },
          capacity: { cpu: '2', memory: '1Gi' },
          daemonEndpoints: { kubeletEndpoint: { Port: (kubelet.address() as AddressInfo).port } },
        },
      },
      { signal },
    )
    await client.create(serviceAccounts, { metadata: { namespace: 'default', name: 'default' } }, { signal })
    for (const name of ['web', 'other']) {
      const metadata = { namespace: 'default', name, labels: { app: name } }
      await client.create(pods, { metadata, spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'x' }] } }, { signal })
    }
    const args = [MAIN, '--secure-port=0', '--kubelet-use-node-status-port', '--kubelet-preferred-address-types=InternalIP']
    child = spawn(process.execPath, [...args, '--metric-resolution=15s', '--cert-dir=/tmp'], {
      env: { ...process.env, ...cluster.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    port = await startedPort(child)
  })

  after(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = (await gone) as [number | null]
    kubelet.closeAllConnections()
    kubelet.close()
    life.abort(new Error('the test is over'))
    await cluster[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
    assert.equal(code, 0)
  })

  async function startKubelet(): Promise<Server> {
    const authority = api.pki.authorities['server-ca']
    const altNames = altNamesOf(['127.0.0.1'])
    const leaf = issue(authority, { subject: { commonName: 'n1', organizations: [] }, usages: ['serverAuth'], altNames }, Date.now())
    const server = createServer({ cert: leaf.certificatePem, key: leaf.keyPem }, (request, response) => {
      tokens.push(request.headers.authorization)
      used += 1
      const labels = '{container="main",namespace="default",pod="web"}'
      response.end(
        [
          `node_cpu_usage_seconds_total ${used * 2}`,
          'node_memory_working_set_bytes 1.048576e+08',
          `container_cpu_usage_seconds_total${labels} ${used}`,
          `container_memory_working_set_bytes${labels} 2097152`,
          `container_start_time_seconds${labels} 1000`,
        ].join('\n'),
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return server
  }

  async function startedPort({ stdout }: ChildProcess): Promise<number> {
    assert.ok(stdout !== null)
    for await (const line of createInterface({ input: stdout })) {
      const { msg, port: found } = JSON.parse(line) as { msg: string; port?: number }
      if (msg === 'Metrics server started' && found !== undefined) {
        stdout.resume()
        return found
      }
    }
    throw new Error('the program ended')
  }

  /** With the certificate of one of the API server's own identities, or without any. */
  function ask(path: string, headers: Readonly<Record<string, string | string[]>> = {}, leaf?: string): Promise<Answer> {
    const identity = leaf === undefined ? undefined : api.pki.leafs.get(leaf)
    const certificate = identity === undefined ? {} : { cert: identity.certificatePem, key: identity.keyPem }
    return new Promise((resolve, reject) => {
      const request = httpsRequest({ host: '127.0.0.1', port, path, headers, rejectUnauthorized: false, agent: false, ...certificate })
      request.on('error', reject)
      request.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      })
      request.end()
    })
  }

  const asAdmin = (path: string): Promise<Answer> => ask(path, {}, 'client-admin')
  const messageOf = ({ text }: Answer): string => (JSON.parse(text) as { message: string }).message

  it('is ready after its first look at the kubelets, as whom it says it is', async () => {
    await eventually(async () => assert.equal((await ask('/readyz')).status, 200))
    assert.deepEqual([(await ask('/livez')).text, (await ask('/healthz')).text], ['ok', 'ok'])
    assert.match(tokens[0] ?? '', /^Bearer ey/)
  })

  it('shows use once it looked twice, with the labels of what uses it', async () => {
    await eventually(async () => {
      const { items } = JSON.parse((await asAdmin(LIST)).text) as { items: { metadata: object; containers: { name: string }[] }[] }
      assert.equal(items.length, 1)
      assert.deepEqual(items[0]?.containers[0]?.name, 'main')
      assert.partialDeepStrictEqual(items[0].metadata, { name: 'web', namespace: 'default', labels: { app: 'web' } })
    }, 10_000)
    const one = JSON.parse((await asAdmin(`${LIST}/web`)).text) as { kind: string; containers: { usage: Record<string, string> }[] }
    assert.equal(one.kind, 'PodMetrics')
    assert.equal(one.containers[0]?.usage['memory'], '2Mi')
    // One second in about five.
    assert.match(one.containers[0].usage['cpu'] ?? '', /^(1\d|2\d)\d{7}n$/)
    const node = JSON.parse((await asAdmin('/apis/metrics.k8s.io/v1beta1/nodes/n1')).text) as { usage: object; metadata: object }
    assert.partialDeepStrictEqual(node, { kind: 'NodeMetrics', metadata: { labels: { zone: 'a' } }, usage: { memory: '100Mi' } })
  })

  it('selects by labels, and tells apart what is absent and what is not measured', async () => {
    const count = async (query: string): Promise<number> =>
      (JSON.parse((await asAdmin(`/apis/metrics.k8s.io/v1beta1/pods?${query}`)).text) as { items: unknown[] }).items.length
    assert.deepEqual(
      await Promise.all(['app%3Dweb', 'app%3Dother', 'app+in+(web)'].map((text) => count(`labelSelector=${text}`))),
      [1, 0, 1],
    )
    assert.equal((await asAdmin(`${LIST}?labelSelector=%3D%3D`)).status, 400)
    const [none, other] = [await asAdmin(`${LIST}/none`), await asAdmin(`${LIST}/other`)]
    assert.deepEqual([none.status, messageOf(none)], [404, 'pods "default/none" not found'])
    assert.deepEqual([other.status, messageOf(other)], [404, 'podmetrics.metrics.k8s.io "default/other" not found'])
    assert.equal((await asAdmin('/apis/metrics.k8s.io/v1beta1/widgets')).status, 404)
    assert.equal((await asAdmin('/secret')).status, 404)
  })

  it('believes only the front proxy about who asks, and asks the API server whether they may', async () => {
    const { client } = cluster
    const rules = [{ apiGroups: ['metrics.k8s.io'], resources: ['pods'], verbs: ['list'] }]
    await client.create(clusterRoles, { metadata: { name: 'looks' }, rules }, { signal })
    await client.create(
      clusterRoleBindings,
      {
        metadata: { name: 'looks' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'looks' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'lookers' }],
      },
      { signal },
    )
    const jane = { 'x-remote-user': 'jane', 'x-remote-group': ['painters', 'lookers'] }
    assert.equal((await ask(LIST, jane, 'client-auth-proxy')).status, 200)
    const denied = await ask('/apis/metrics.k8s.io/v1beta1/nodes', jane, 'client-auth-proxy')
    assert.equal(denied.status, 403)
    assert.equal(
      messageOf(denied),
      'nodes.metrics.k8s.io is forbidden: User "jane" cannot list resource "nodes" in API group "metrics.k8s.io" at the cluster scope',
    )
    const nobody = await ask(LIST, { ...jane, 'x-remote-group': ['system:masters'] })
    assert.equal(nobody.status, 403)
    assert.match(messageOf(nobody), /User "system:anonymous" cannot list/)
    // A client of the cluster is who its certificate says, whatever else it claims.
    const controller = await ask(LIST, { ...jane, 'x-remote-group': ['system:masters'] }, 'client-kube-proxy')
    assert.match(messageOf(controller), /User "system:kube-proxy" cannot list/)
  })

  it('knows service accounts by their tokens', async () => {
    const account = { namespace: 'default', name: 'default' }
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } }
    const made = await cluster.client.createSubresource<{ status: { token: string } }>(serviceAccounts, account, 'token', body, { signal })
    const answer = await ask(LIST, { authorization: `Bearer ${made.status.token}` })
    assert.match(messageOf(answer), /User "system:serviceaccount:default:default" cannot list/)
    assert.equal((await ask(LIST, { authorization: 'Bearer nonsense' })).status, 401)
  })

  it('answers kubectl top and kubectl get through the API server', async () => {
    const { client } = cluster
    // NOTE: endpoints on the loopback device are not allowed; the name of a service of this type leads there all the same.
    await client.create(services, { metadata: SERVICE, spec: { type: 'ExternalName', externalName: 'localhost' } }, { signal })
    const spec = {
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
    }
    await client.create(
      apiServices,
      { metadata: { name: 'v1beta1.metrics.k8s.io' }, spec: { ...spec, service: { ...SERVICE, port } } },
      { signal },
    )
    await eventually(async () => {
      const { status } = await client.get(apiServices, { name: 'v1beta1.metrics.k8s.io' }, signal)
      assert.equal(findCondition(status.conditions, 'Available')?.reason, 'Passed')
    })
    const run = async (args: string): Promise<string> => {
      const { stdout, stderr } = await cli.kubectl(args.split(' '))
      assert.equal(stderr, '')
      return stdout.replaceAll(/ +/g, ' ')
    }
    assert.match(await run('top nodes'), /^NAME CPU\(cores\) CPU\(%\) MEMORY\(bytes\) MEMORY\(%\) \nn1 \d+m \d+% 100Mi 9% \n$/)
    assert.match(await run('top pods --containers'), /\nweb main \d+m 2Mi \n$/)
    assert.match(await run('get podmetrics'), /^NAME CPU MEMORY WINDOW\nweb \d+n 2Mi [\d.]+s\n$/)
    assert.match(
      await run('api-resources --api-group=metrics.k8s.io'),
      /nodes metrics\.k8s\.io\/v1beta1 false NodeMetrics\npods .* true PodMetrics/,
    )
    assert.match(await run('explain podmetrics.containers.usage'), /FIELD: usage/)
  })
})
