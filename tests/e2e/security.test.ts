import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Cluster, clusterMissing, startCluster, until } from '../helpers/cluster.ts'

const SECRET = 'a-secret-that-only-this-test-knows'
const KEY = /PRIVATE KEY|client-key-data|eyJhbGciOi|a-secret-that-only-this-test-knows/

interface Client {
  readonly token?: string
  /** Name of a certificate below DATA_DIR, without its ending. */
  readonly certificate?: string
}

describe('a cluster that somebody attacks', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  let server = ''
  before(async () => {
    cluster = await startCluster({ flags: ['--token', SECRET, '--disable', 'traefik', '--disable', 'metrics-server'] })
    server = /server: (\S+)/.exec(readFileSync(cluster.kubeconfig, 'utf8'))?.[1] ?? ''
    await cluster.kubectl('-n kube-system rollout status deployment/coredns --timeout=60s')
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  /** Status of a GET. */
  const ask = (url: string, { token, certificate }: Client = {}): Promise<number | undefined> => {
    const file = (ending: string): Buffer => readFileSync(join(cluster.dataDir, `${String(certificate)}.${ending}`))
    return new Promise((resolve, reject) => {
      const outgoing = request(url, {
        rejectUnauthorized: false,
        agent: false,
        ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
        ...(certificate !== undefined && { cert: file('crt'), key: file('key') }),
      })
      outgoing.once('error', reject)
      outgoing.once('response', (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      outgoing.end()
    })
  }

  it('shows strangers its health and its authority, and nothing else', async () => {
    for (const path of ['/healthz', '/livez', '/readyz', '/cacerts', '/ping']) assert.equal(await ask(server + path), 200, path)
    for (const path of ['/version', '/metrics', '/api', '/openapi/v2', '/api/v1/secrets', '/debug/pprof'])
      assert.equal(await ask(server + path), 401, path)
    for (const path of ['/healthz', '/pods', '/metrics', '/stats/summary', '/exec/a/b/c', '/%zz', '//'])
      assert.equal(await ask(`https://127.0.0.1:10250${path}`), 401, `kubelet ${path}`)
    assert.equal(await ask(`${server}/api/v1/secrets`, { token: SECRET }), 401, 'the secret of joining nodes is no login')
  })

  it('lets parts do their own work only', async () => {
    const node = { certificate: 'agent/client-kubelet' }
    assert.equal(await ask(`${server}/api/v1/secrets`, node), 403)
    assert.equal(await ask(`${server}/api/v1/nodes/another`, node), 403)
    assert.equal(await ask(`${server}/api/v1/pods`, node), 403)
    assert.equal(await ask('https://127.0.0.1:10250/pods', { certificate: 'agent/client-kube-proxy' }), 403)
    assert.equal(await ask(`${server}/api/v1/secrets`, { certificate: 'agent/client-k3ts-controller' }), 403)
  })

  it('takes the token of a pod until the pod is deleted', async () => {
    const spec = { schedulerName: 'nobody', containers: [{ name: 'c', image: 'none' }] }
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'holder' }, spec }
    await cluster.kubectl('apply -f -', { input: JSON.stringify(pod) })
    const make = async (...more: readonly string[]): Promise<string> =>
      (await cluster.kubectl(['create', 'token', 'default', '--bound-object-kind=Pod', '--bound-object-name=holder', ...more])).trim()
    const token = await make()
    assert.equal(await ask(`${server}/version`, { token }), 200)
    assert.equal(await ask(`${server}/api/v1/secrets`, { token }), 403)
    assert.equal(await ask(`${server}/version`, { token: await make('--audience=elsewhere') }), 401)
    await cluster.kubectl('delete pod holder --now')
    // An answer is trusted for ten seconds, as in Kubernetes.
    await until('the token is refused', async () => assert.equal(await ask(`${server}/version`, { token }), 401), 15_000)
  })

  it('shows no key, token or secret to other users of the machine', async () => {
    // As the default folder is; the one of a test is closed.
    chmodSync(cluster.dataDir, 0o755)
    const places = [cluster.dataDir, '/run/k3ts', '/var/lib/kubelet', '/var/log/pods', '/var/log/containers', '/etc/rancher'].filter(
      existsSync,
    )
    const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', 'find', ...places, '-readable', '-type', 'f', '-print0']
    const found = spawnSync('setpriv', asNobody, { encoding: 'utf8', maxBuffer: 1 << 28 }).stdout.split('\0')
    const files = found.filter((path) => path !== '' && !path.includes('/rootfs/'))
    assert.deepEqual(
      files.filter((path) => path.startsWith('/var/lib/kubelet/pods/') || KEY.test(readFileSync(path, 'latin1'))),
      [],
    )
    const sockets = spawnSync(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', 'find', ...places, '-writable', '!', '-type', 'l'],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      },
    ).stdout.split('\n')
    const open = sockets.filter((path) => path !== '' && !places.includes(path) && !path.includes('/rootfs') && !path.endsWith('/shm'))
    assert.deepEqual(open, [])
  })

  it('keeps its secret out of command lines, logs and events', async () => {
    const lines = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    for (const pid of lines) {
      try {
        assert.equal(readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(SECRET), false, `process ${pid}`)
      } catch (err) {
        if (err instanceof assert.AssertionError) throw err
        // ended meanwhile
      }
    }
    assert.equal(cluster.output().includes(SECRET), false)
    assert.equal(KEY.test(await cluster.kubectl('get events -A -o json')), false)
    const { mode } = JSON.parse(
      spawnSync('stat', ['--printf={"mode":"%a"}', join(cluster.dataDir, 'server', 'cred', 'scheduler.kubeconfig')], { encoding: 'utf8' })
        .stdout,
    ) as { readonly mode: string }
    assert.equal(mode, '600')
    const identity = await cluster.kubectl(['--kubeconfig', join(cluster.dataDir, 'server/cred/scheduler.kubeconfig'), 'auth', 'whoami'])
    assert.match(identity, /system:kube-scheduler/)
  })
})
