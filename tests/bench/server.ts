import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type ClientHttp2Session, connect } from 'node:http2'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = new URL('../../', import.meta.url).pathname

/** A k3ts server of its own data folder and port, without an agent, and the way in as its administrator. */
export interface BenchServer extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** Milliseconds from the start of the process until /readyz said ok. */
  readonly readyMs: number
  /** Lets a load generator in that knows no client certificates. */
  readonly token: string
  readonly connect: () => ClientHttp2Session
}

export async function startBenchServer(): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), 'k3ts-bench-'))
  const port = await freePort()
  const url = `https://127.0.0.1:${port}`
  const kubeconfig = join(folder, 'kubeconfig.yaml')
  const flags = ['--data-dir', join(folder, 'data'), '--https-listen-port', String(port), '--write-kubeconfig', kubeconfig]
  const config = join(folder, 'config.yaml')
  await writeFile(config, 'disable-agent: true\n') // not the machine's own configuration
  const from = performance.now()
  const child = spawn(join(ROOT, 'k3ts'), ['server', '--config', config, ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  try {
    await waitUntilReady(url, child)
    const readyMs = performance.now() - from
    const credentials = await waitForKubeconfig(kubeconfig)
    const open = (): ClientHttp2Session => connect(url, { ...credentials, rejectUnauthorized: false })
    const token = await adminToken(open)
    return {
      url,
      pid: child.pid ?? 0,
      readyMs,
      token,
      connect: open,
      [Symbol.asyncDispose]: async () => {
        await stop(child)
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (err) {
    await stop(child)
    await rm(folder, { recursive: true, force: true })
    throw err
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const READY_LIMIT_MS = 60_000

async function waitUntilReady(url: string, child: ChildProcess): Promise<void> {
  const limit = performance.now() + READY_LIMIT_MS
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`)
    const session = connect(url, { rejectUnauthorized: false })
    session.on('error', () => undefined) // nobody listens yet
    const answer = await send(session, { path: '/readyz' }).catch(() => undefined)
    session.destroy()
    if (answer?.status === 200) return
    if (performance.now() > limit) throw new Error(`not ready after ${READY_LIMIT_MS / 1000} s: ${answer?.status ?? 'no answer'}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function waitForKubeconfig(path: string): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  for (let attempt = 0; ; attempt += 1) {
    const text = await readFile(path, 'utf8').catch(() => '')
    const [cert, key] = ['client-certificate-data', 'client-key-data'].map(
      (name) => new RegExp(`${name}: "?([A-Za-z0-9+/=]+)`).exec(text)?.[1],
    )
    if (cert !== undefined && key !== undefined) return { cert: Buffer.from(cert, 'base64'), key: Buffer.from(key, 'base64') }
    if (attempt === 500) throw new Error('no kubeconfig')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function adminToken(open: () => ClientHttp2Session): Promise<string> {
  const session = open()
  const account = '/api/v1/namespaces/default/serviceaccounts'
  await post(session, account, { metadata: { name: 'bench' } })
  await post(session, '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'bench' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'default', name: 'bench' }],
  })
  const answer = await post(session, `${account}/bench/token`, { spec: { expirationSeconds: 3600 } })
  session.close()
  return (JSON.parse(answer.body.toString()) as { status: { token: string } }).status.token
}

export interface Sent {
  readonly method?: string
  readonly path: string
  readonly body?: string
}
export interface Received {
  readonly status: number
  readonly body: Buffer
}

export async function send(session: ClientHttp2Session, { method = 'GET', path, body }: Sent): Promise<Received> {
  const stream = session.request(
    { ':method': method, ':path': path, 'content-type': 'application/json' },
    { endStream: body === undefined },
  )
  if (body !== undefined) stream.end(body)
  let status = 0
  stream.on('response', (headers) => (status = headers[':status'] ?? 0))
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return { status, body: Buffer.concat(chunks) }
}

/** Throws with the server's words on anything but success. */
export async function post(session: ClientHttp2Session, path: string, object: unknown): Promise<Received> {
  const answer = await send(session, { method: 'POST', path, body: JSON.stringify(object) })
  if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${answer.body.toString().slice(0, 500)}`)
  return answer
}

/** User and system time of a process so far, in microseconds. The kernel counts in steps of 10 ms. */
export function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** The heaps of the threads in MB, by what /metrics says: used, garbage included. */
export async function threadHeaps(session: ClientHttp2Session): Promise<string> {
  const { body } = await send(session, { path: '/metrics' })
  const gauges = body.toString().matchAll(/^k3ts_thread_heap_used_bytes\{thread="([^"]+)"\} (\d+)$/gm)
  return [...gauges].map(([, thread, bytes]) => `${thread} ${Math.round(Number(bytes) / 1e6)}`).join(', ')
}

export function rssMegabytes(pid: number): number {
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024)
}
