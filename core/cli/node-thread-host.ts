import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { AssembledApiServer } from '../apiserver/assemble.ts'
import type { UserInfo } from '../apiserver/auth/auth.ts'
import { servePort } from '../client/port/serve-port.ts'
import { threadEntry } from '../config/assets.ts'
import { createRequestSigner } from '../pki/certificate-signer.ts'
import type { Leafs } from '../pki/leafs.ts'
import type { ServerPki } from '../pki/server-pki.ts'
import { controllerUsers, IDENTITIES, nodeUser, type PortName } from './identities.ts'
import type { FromNodeThread, Milestone, NodeThreadData, ToNodeThread } from './node-thread-data.ts'
import type { ServerRun } from './server-run.ts'
import { answerSigner } from './thread-signer.ts'

export interface NodeThread {
  milestone(name: Milestone): Promise<readonly string[]>
  /** Rejects when the thread ended without having been asked to. */
  readonly done: Promise<void>
  stop(): Promise<void>
}

export interface NodeThreadOptions {
  readonly run: ServerRun
  readonly pki: ServerPki
  readonly nodePki: Leafs
  readonly api: AssembledApiServer
}

const STOP_MS = 5_000
const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY']

/** Starts the thread; `milestone` tells how far it is, `done` rejects with the error of the part that failed. */
export function startNodeThread(options: NodeThreadOptions): Promise<NodeThread> {
  const { run, pki, api } = options
  const life = new AbortController()
  const { data, transfer } = prepare(options, life.signal)
  const worker = new Worker(threadEntry('node', 'core/cli/node-thread.ts'), {
    workerData: data,
    transferList: [...transfer],
    name: 'node',
    stdout: false,
    stderr: false,
  })
  const signer = createRequestSigner(pki.authorities, run.clock)
  const milestones = new Milestones()
  const send = (message: ToNodeThread): void => worker.postMessage(message)
  let stopping = false
  const done = new Promise<void>((resolve, reject) => {
    const end = (err: Error): void => {
      milestones.fail(err)
      if (stopping) resolve()
      else reject(err)
    }
    worker.on('message', (message: FromNodeThread) => {
      if (message.type === 'milestone') milestones.reach(message.name, message.failed ?? [])
      else if (message.type === 'failed') end(new Error(message.message))
      else if (message.type === 'ask') {
        answerSigner(message, signer, life.signal).then(
          (result) => send({ type: 'answer', id: message.id, result }),
          (err: unknown) => send({ type: 'answer', id: message.id, error: (err as Error).message }),
        )
      }
    })
    worker.on('error', (err) => end(err instanceof Error ? err : new Error(String(err))))
    worker.on('exit', (code) => end(new Error(`the node thread ended with code ${code}`)))
  })
  done.catch(() => undefined)
  watchNodeReady(api, run.config.agent.nodeName, () => milestones.reach('node-ready', []))
  return Promise.resolve({
    milestone: (name) => milestones.wait(name),
    done,
    stop: async () => {
      stopping = true
      send({ type: 'stop' })
      const timer = setTimeout(() => void worker.terminate(), STOP_MS)
      await done.catch(() => undefined)
      clearTimeout(timer)
      // A thread that failed may have parts that still run, and then holds the process.
      await worker.terminate()
      life.abort(new Error('the node thread stopped'))
    },
  })
}

function prepare(
  { run, pki, nodePki, api }: NodeThreadOptions,
  signal: AbortSignal,
): { readonly data: NodeThreadData; readonly transfer: readonly MessagePort[] } {
  const { config, version, environment, log } = run
  const users: Readonly<Record<PortName, UserInfo>> = {
    ...IDENTITIES,
    node: nodeUser(config.agent.nodeName),
  }
  const others = controllerUsers()
  const ports = Object.fromEntries(
    (Object.keys(users) as PortName[]).map((name) => {
      const { port1, port2 } = new MessageChannel()
      // Ends with the port or the signal; what goes wrong in a request is answered to its client.
      servePort({ port: port1, handler: api.handle, user: users[name], log, ...(name === 'controllers' && { others }) }, signal).catch(
        (err: unknown) => log.error({ err }, 'Port closed'),
      )
      return [name, port2]
    }),
  ) as Record<PortName, MessagePort>
  const serving = nodePki.get('serving-kubelet')
  const proxyVariables = Object.fromEntries(
    PROXY_VARIABLES.flatMap((name) => [name, name.toLowerCase()]).flatMap((name) =>
      environment[name] === undefined ? [] : [[name, environment[name]]],
    ),
  ) as Record<string, string>
  const data: NodeThreadData = {
    config,
    version,
    ports,
    rootCa: pki.authorities['server-ca'].certificatePem,
    kubelet: { cert: serving.certificatePem, key: serving.keyPem, clientCa: pki.authorities['client-ca'].certificatePem },
    proxyVariables,
  }
  return { data, transfer: Object.values(ports) }
}

function watchNodeReady(api: AssembledApiServer, nodeName: string, onReady: () => void): void {
  const nodes = { group: '', resource: 'nodes' }
  const check = (): void => {
    const node = api.reader.get<{
      readonly metadata: never
      readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
    }>(nodes, '', nodeName)
    if (node?.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') !== true) return
    remove()
    onReady()
  }
  const remove = api.reader.onChange(nodes, check)
  check()
}

/** Each is reached once; who waits later is answered at once. */
class Milestones {
  readonly #settled = new Map<Milestone, PromiseWithResolvers<readonly string[]>>()

  wait(name: Milestone): Promise<readonly string[]> {
    return this.#of(name).promise
  }

  reach(name: Milestone, failed: readonly string[]): void {
    this.#of(name).resolve(failed)
  }

  fail(err: Error): void {
    for (const name of ['controllers', 'agent', 'node-ready', 'manifests'] as const) this.#of(name).reject(err)
  }

  #of(name: Milestone): PromiseWithResolvers<readonly string[]> {
    let entry = this.#settled.get(name)
    if (entry === undefined) {
      entry = Promise.withResolvers<readonly string[]>()
      // A failure is reported by `done`; nobody has to wait for each milestone.
      entry.promise.catch(() => undefined)
      this.#settled.set(name, entry)
    }
    return entry
  }
}
