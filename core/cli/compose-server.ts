/** The only place that puts a server together: datastore, API server, node thread; started in order, stopped in reverse. */
import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { type ApiServerOptions, type AssembledApiServer, assembleApiServer } from '../apiserver/assemble.ts'
import { ANONYMOUS } from '../apiserver/auth/users.ts'
import { type HttpServer, startHttpServer } from '../apiserver/http/http-server.ts'
import type { ApiRequest } from '../apiserver/request.ts'
import { threadEntry } from '../config/assets.ts'
import type { ServerConfig } from '../config/config.ts'
import type { Logger } from '../observability/log.ts'
import { writeAdminKubeconfig, writeCredKubeconfigs } from '../pki/kubeconfig-files.ts'
import { APISERVER_SERVING } from '../pki/layout.ts'
import { ensureTokens } from '../pki/passwd.ts'
import { createRenewal } from '../pki/renewal.ts'
import { openNodePki, openServerPki, type ServerPki } from '../pki/server-pki.ts'
import type { Running } from '../runtime/component.ts'
import { autoCompact } from '../store/log/auto-compact.ts'
import { openSqlite } from '../store/sqlite/open.ts'
import { apiServerOptions } from './api-server-args.ts'
import { type AuditLog, openAuditLog } from './audit-log.ts'
import { installCrds } from './crds.ts'
import { controllerUsers, IDENTITIES } from './identities.ts'
import type { Milestone } from './node-thread-data.ts'
import { startNodeThread } from './node-thread-host.ts'
import { createProcessMetrics } from './process-metrics.ts'
import type { Progress } from './progress.ts'
import type { ServerRun } from './server-run.ts'
import { stageCharts, stageImages } from './staging.ts'
import { isPublicPath, staticPaths } from './static-paths.ts'
import { versionInfo } from './version-info.ts'

export interface RunningServer {
  readonly address: string
  readonly kubeconfig: string
  /** Resolves with the manifest files that could not be deployed at once. */
  readonly ready: Promise<readonly string[]>
  /** Rejects when a part died on its own. */
  readonly done: Promise<void>
  /** In reverse order, each part with its deadline. Pods stay. */
  stop(): Promise<void>
}

const STOP_GRACE_MS = 3_000

/** Starts all parts in order. Rejects with the error of the part that failed, when listener and datastore are closed again. */
export async function startServer(run: ServerRun): Promise<RunningServer> {
  const { config, progress, log, clock } = run
  const life = new AbortController()
  setMaxListeners(0, life.signal)
  const processMetrics = createProcessMetrics()
  // The database first: its lock keeps a second server away from everything else in the data folder.
  const store = await progress.step('datastore', () => {
    const path = join(config.dataDir, 'server', 'db', 'state.db')
    return openSqlite({ path, threadUrl: threadEntry('writer', 'core/store/sqlite/writer-thread.ts') })
  })
  const compaction = autoCompact(store, {
    clock,
    signal: life.signal,
    onError: (err) => log.warn({ err }, 'Compaction failed, trying again later'),
  })
  const assembled: { api?: AssembledApiServer } = {}
  let listener: HttpServer | undefined
  let audit: AuditLog | undefined
  try {
    const { audit: auditArgs } = config.apiServer
    if (auditArgs !== undefined) audit = await openAuditLog(auditArgs, { clock, log })
    const recorded = audit
    const pki = await progress.step('certificates', () => openPki(run))
    const http = await listen(run, pki, () => assembled.api)
    listener = http
    const api = await progress.step('API server', () => assemble(run, { pki, store, audit: recorded, processMetrics, signal: life.signal }))
    assembled.api = api
    await progress.step('custom resources', () => installCrds(api, life.signal))
    stageCharts(config)
    stageImages(config)
    const kubeconfig = await writeKubeconfig(config, pki)
    await writeCredKubeconfigs(config.dataDir, `https://127.0.0.1:${config.httpsPort}`)
    await ensureTokens({ dataDir: config.dataDir, serverCaPem: pki.authorities['server-ca'].certificatePem, token: run.secrets.token })
    const renewal = await keepCertificates(run, pki, http, life.signal)
    const node = await startNodeThread({ run, pki, api, nodePki: await nodePki(run, pki) })
    const ready = followMilestones((name) => node.milestone(name), config, progress)
    const done = Promise.race([store.done, api.done, node.done, Promise.all([compaction, renewal.done]).then(() => undefined)])
    return {
      address: `https://${config.advertiseAddress}:${http.port}`,
      kubeconfig,
      ready,
      done,
      stop: async () => {
        await node.stop()
        await http.stop(STOP_GRACE_MS)
        life.abort(new Error('the server stops'))
        await api.done.catch(() => undefined)
        await recorded?.close()
        await store[Symbol.asyncDispose]()
      },
    }
  } catch (err) {
    life.abort(err)
    await listener?.stop(0)
    await audit?.close()
    await store[Symbol.asyncDispose]()
    throw err
  }
}

async function followMilestones(
  milestone: (name: Milestone) => Promise<readonly string[]>,
  config: ServerConfig,
  progress: Progress,
): Promise<readonly string[]> {
  const nodeSteps = async (): Promise<void> => {
    if (config.disableAgent) return
    await progress.step('containers', () => milestone('agent'))
    await progress.step('node ready', () => milestone('node-ready'))
  }
  await progress.step('component images', () => milestone('images'))
  await progress.step('controllers', () => milestone('controllers'))
  const [failed] = await Promise.all([milestone('manifests'), nodeSteps()])
  return failed
}

function openPki({ config, clock }: ServerRun): Promise<ServerPki> {
  const { agent, clusterDomain, advertiseAddress, tlsSans } = config
  const names = {
    serviceIp: firstAddress(config.serviceCidr),
    clusterDomain,
    advertiseAddress,
    nodeName: agent.nodeName,
    nodeIps: nodeIps(config),
    tlsSans,
  }
  return openServerPki({ dataDir: config.dataDir, names, nowMs: clock.now() })
}

function nodeIps({ agent }: ServerConfig): readonly string[] {
  return [agent.nodeIp, ...(agent.nodeExternalIp === undefined ? [] : [agent.nodeExternalIp])]
}

function nodePki({ config, clock }: ServerRun, pki: ServerPki): ReturnType<typeof openNodePki> {
  return openNodePki(
    { dataDir: config.dataDir, nodeName: config.agent.nodeName, nodeIps: nodeIps(config), nowMs: clock.now() },
    pki.authorities,
  )
}

/** The address of the `kubernetes` service: the network's first. */
function firstAddress(network: string): string {
  const [base = ''] = network.split('/')
  const parts = base.split('.').map(Number)
  return [...parts.slice(0, 3), (parts[3] ?? 0) + 1].join('.')
}

interface Parts {
  readonly pki: ServerPki
  readonly store: Awaited<ReturnType<typeof openSqlite>>
  readonly audit: AuditLog | undefined
  readonly processMetrics: () => Promise<string>
  readonly signal: AbortSignal
}

function assemble(
  { config, version, clock, log }: ServerRun,
  { pki, store, audit, processMetrics, signal }: Parts,
): Promise<AssembledApiServer> {
  return assembleApiServer({
    store,
    settings: {
      serviceCidrs: [config.serviceCidr],
      clusterCidrs: [config.clusterCidr],
      nodePortRange: config.serviceNodePortRange,
      clusterDomain: config.clusterDomain,
    },
    bootstrap: {
      serviceCidr: config.serviceCidr,
      apiServerAddresses: [config.advertiseAddress],
      apiServerPort: config.httpsPort,
      clientCaPem: pki.authorities['client-ca'].certificatePem,
      requestHeaderCaPem: pki.authorities['request-header-ca'].certificatePem,
      requestHeaderAllowedNames: ['system:auth-proxy'],
    },
    serviceKeys: pki.serviceKeys,
    issuer: `https://kubernetes.default.svc.${config.clusterDomain}`,
    serverAddress: `${config.advertiseAddress}:${config.httpsPort}`,
    version: versionInfo(version),
    kubelet: {
      tls: () => {
        const { certificatePem: certificate, keyPem: key } = pki.leafs.get('client-kube-apiserver')
        return { certificate, key, authorities: pki.authorities['server-ca'].certificatePem }
      },
    },
    refused: warnOfOwn(log),
    frontProxy: () => {
      const { certificatePem: certificate, keyPem: key } = pki.leafs.get('client-auth-proxy')
      return { certificate, key }
    },
    ...apiServerOptions(config.apiServer),
    ...(audit !== undefined && { audit: audit.auditor }),
    moreMetrics: [processMetrics, ...(audit === undefined ? [] : [audit.metrics])],
    clock,
    log,
    signal,
  })
}

/** A part of the server that may not do its work lacks a rule in its role, which is our fault or that of who changed the role. */
function warnOfOwn(log: Logger): NonNullable<ApiServerOptions['refused']> {
  const own = new Set([...Object.values(IDENTITIES), ...controllerUsers().values()].map(({ name }) => name))
  return ({ user, ...request }, reason) => {
    if (own.has(user.name)) log.warn({ user: user.name, ...request, reason }, 'A part of the server was refused')
  }
}

function listen({ config, log }: ServerRun, pki: ServerPki, api: () => AssembledApiServer | undefined): Promise<HttpServer> {
  const supervisor = staticPaths({
    folder: join(config.dataDir, 'server', 'static'),
    serverCaPem: pki.authorities['server-ca'].certificatePem,
  })
  return startHttpServer({
    host: config.bindAddress,
    port: config.httpsPort,
    material: material(pki),
    handler: (request: ApiRequest) => supervisor(request) ?? api()?.handle(request) ?? notReady(),
    authenticate: (credentials, signal) => {
      if (isPublicPath(credentials.path)) return ANONYMOUS
      const running = api()
      return running === undefined ? ANONYMOUS : running.authenticator.authenticate(credentials, signal)
    },
    onUnauthenticated: (request) => api()?.unauthenticated(request),
    log,
  })
}

/** While the caches load nobody is let in; load balancers and clients try again. */
function notReady() {
  return { status: 503, headers: { 'content-type': 'text/plain', 'retry-after': '1' }, body: Buffer.from('the API server is starting\n') }
}

function material(pki: ServerPki) {
  const { certificatePem: certificate, keyPem: key } = pki.leafs.get(APISERVER_SERVING)
  return { certificate, key, clientAuthorities: pki.authorities['client-ca'].certificatePem }
}

async function keepCertificates(
  { config, clock, log }: ServerRun,
  pki: ServerPki,
  http: HttpServer,
  signal: AbortSignal,
): Promise<Running> {
  pki.leafs.onRenewed((name) => {
    if (name === APISERVER_SERVING) http.replaceMaterial(material(pki))
    if (name === 'client-admin') writeKubeconfig(config, pki).catch((err: unknown) => log.error({ err }, 'Kubeconfig not renewed'))
  })
  return createRenewal({ leafs: [pki.leafs], clock, log }).start(signal)
}

async function writeKubeconfig({ kubeconfig, httpsPort }: ServerConfig, pki: ServerPki): Promise<string> {
  const { path, mode, gid, contextName } = kubeconfig
  await writeAdminKubeconfig({
    path,
    server: `https://127.0.0.1:${httpsPort}`,
    contextName,
    authorityPem: pki.authorities['server-ca'].certificatePem,
    identity: pki.leafs.get('client-admin'),
    file: { mode, ...(gid !== undefined && { gid }) },
  })
  return path
}
