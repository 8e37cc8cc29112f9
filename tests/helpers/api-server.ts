import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ApiServerOptions, type AssembledApiServer, assembleApiServer } from '../../core/apiserver/assemble.ts'
import { type HttpServer, startHttpServer } from '../../core/apiserver/http/http-server.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { kubeconfigText } from '../../core/pki/kubeconfig.ts'
import { APISERVER_SERVING } from '../../core/pki/layout.ts'
import { openServerPki, type ServerPki } from '../../core/pki/server-pki.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { openSqlite } from '../../core/store/sqlite/open.ts'
import { serverNames } from './pki.ts'
import { temporaryFolder } from './temporary-folder.ts'

const HOST = '127.0.0.1'
const SERVICE_CIDR = '10.43.0.0/16'
const ISSUER = 'https://kubernetes.default.svc.cluster.local'

/** A whole API server on a port of its own, as clients see it. */
export interface TestApiServer extends AsyncDisposable {
  readonly port: number
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string
  readonly folder: string
  readonly api: AssembledApiServer
  readonly pki: ServerPki
}

export async function startTestApiServer(options: Partial<ApiServerOptions> = {}): Promise<TestApiServer> {
  const folder = await temporaryFolder('api-server')
  const dataDir = join(folder.path, 'data')
  const life = new AbortController()
  const { log = silentLogger, clock = systemClock } = options
  const pki = await openPki(dataDir, clock.now())
  const store = await openSqlite({ path: join(folder.path, 'state.db'), writer: 'in-process' })
  // The port is known when the listener is; nobody asks before the server is assembled.
  const assembled: { api?: AssembledApiServer } = {}
  const http = await listen(pki, log, () => assembled.api)
  const api = await assembleApiServer({
    store,
    settings: {
      serviceCidrs: [SERVICE_CIDR],
      clusterCidrs: ['10.42.0.0/16'],
      nodePortRange: [30000, 32767],
      clusterDomain: 'cluster.local',
    },
    bootstrap: {
      serviceCidr: SERVICE_CIDR,
      apiServerAddresses: ['192.0.2.1'],
      apiServerPort: http.port,
      clientCaPem: pki.authorities['client-ca'].certificatePem,
      requestHeaderCaPem: pki.authorities['request-header-ca'].certificatePem,
      requestHeaderAllowedNames: ['system:auth-proxy'],
    },
    serviceKeys: pki.serviceKeys,
    issuer: ISSUER,
    serverAddress: `${HOST}:${http.port}`,
    version: VERSION,
    kubelet: {
      tls: () => {
        const { certificatePem: certificate, keyPem: key } = pki.leafs.get('client-kube-apiserver')
        return { certificate, key, authorities: pki.authorities['server-ca'].certificatePem }
      },
    },
    frontProxy: () => {
      const { certificatePem: certificate, keyPem: key } = pki.leafs.get('client-auth-proxy')
      return { certificate, key }
    },
    clock,
    log,
    signal: life.signal,
    ...options,
  })
  assembled.api = api
  return {
    port: http.port,
    kubeconfig: await writeKubeconfig(folder.path, pki, http.port),
    folder: folder.path,
    api,
    pki,
    async [Symbol.asyncDispose]() {
      life.abort(new Error('the test is over'))
      await http.stop(1000)
      await api.done.catch(() => undefined)
      await store[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

const VERSION = {
  major: '1',
  minor: '35',
  emulationMajor: '1',
  emulationMinor: '35',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '34',
  gitVersion: 'v1.35.0+k3ts1',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'v8',
  platform: 'linux/amd64',
}

function openPki(dataDir: string, nowMs: number): Promise<ServerPki> {
  const names = serverNames({ advertiseAddress: HOST, nodeName: 'test', nodeIps: [HOST] })
  return openServerPki({ dataDir, names, nowMs })
}

function listen(pki: ServerPki, log: ApiServerOptions['log'], api: () => AssembledApiServer | undefined): Promise<HttpServer> {
  const { certificatePem: certificate, keyPem: key } = pki.leafs.get(APISERVER_SERVING)
  const ready = (): AssembledApiServer => {
    const running = api()
    if (running === undefined) throw new Error('the server is not assembled yet')
    return running
  }
  return startHttpServer({
    host: HOST,
    port: 0,
    material: { certificate, key, clientAuthorities: pki.authorities['client-ca'].certificatePem },
    handler: (request) => ready().handle(request),
    authenticate: (credentials, signal) => ready().authenticator.authenticate(credentials, signal),
    onUnauthenticated: (request) => ready().unauthenticated(request),
    log,
  })
}

async function writeKubeconfig(folder: string, pki: ServerPki, port: number): Promise<string> {
  const path = join(folder, 'kubeconfig.yaml')
  await mkdir(folder, { recursive: true })
  const credentials = {
    kind: 'inline',
    authorityPem: pki.authorities['server-ca'].certificatePem,
    identity: pki.leafs.get('client-admin'),
  } as const
  await writeFile(path, kubeconfigText({ server: `https://${HOST}:${port}`, credentials }), { mode: 0o600 })
  return path
}
