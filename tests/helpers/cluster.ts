import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { cleanUpNode } from './cluster-clean-up.ts'
import { type Output, type ToolOptions, type Tools, tools } from './kubectl.ts'
import { runtimeMissing } from './node-sandbox.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const SOCKET = '/run/k3ts/containerd/containerd.sock'
const READY_LIMIT_MS = 120_000
const POLL_MS = 200

/** A whole k3ts on this machine, as a person starts it: the launcher, the built bundle, real containers. */
export interface Cluster extends AsyncDisposable {
  readonly dataDir: string
  /** The folder whose files are deployed. */
  readonly manifests: string
  readonly kubeconfig: string
  /** Standard output; throws with everything printed when the command fails. */
  kubectl(args: string | readonly string[], options?: ToolOptions): Promise<string>
  /** Whatever its exit code. */
  tryKubectl(args: string | readonly string[], options?: ToolOptions): Promise<Output>
  helm(args: string | readonly string[]): Promise<string>
  /** Starts kubectl and leaves it running, for what follows or forwards. */
  spawnKubectl(args: string | readonly string[], env?: ToolOptions['env']): ChildProcess
  /** Writes a file into the manifest folder. */
  manifest(name: string, text: string): void
  /** What the server printed. */
  output(): string
  /** Ends the server process without letting it do anything. */
  kill9(): Promise<void>
  /** Asks the server to end; pods stay. Milliseconds it took and its exit code. */
  stop(): Promise<{ readonly code: number | null; readonly tookMs: number }>
  /** Starts the server again over the same data; ends it first when it runs. */
  restart(flags?: readonly string[]): Promise<void>
  /** Ends everything on the machine that belongs to the cluster; its data stay. What scripts/killall printed. */
  killAll(): string
}

export interface ClusterOptions {
  readonly flags?: readonly string[]
  /** Begun with the server and waited for with it; of the cluster only `spawnKubectl` works then. */
  readonly starting?: (cluster: Pick<Cluster, 'spawnKubectl'>) => Promise<void>
}

/** Why a whole cluster cannot run here; undefined when it can. */
export function clusterMissing(): string | undefined {
  const missing = runtimeMissing()
  if (missing !== undefined) return missing
  return existsSync(join(ROOT, 'dist', 'k3ts.mjs')) ? undefined : 'needs a build: node scripts/build.ts'
}

/** Starts k3ts and waits until it says that it is ready. Throws with the end of its output when it does not. */
export async function startCluster({ flags = [], starting }: ClusterOptions = {}): Promise<Cluster> {
  if ((await answers(SOCKET)) || existsSync('/sys/class/net/cni0'))
    throw new Error('another k3ts runs on this machine; end it with scripts/killall first')
  const dataDir = mkdtempSync('/var/lib/k3ts-e2e-')
  const cluster = new RunningCluster(dataDir, await freePort(), flags)
  try {
    await Promise.all([cluster.start(), starting?.(cluster)])
    return cluster
  } catch (err) {
    await cluster[Symbol.asyncDispose]()
    throw err
  }
}

/** Runs `check` until it stops throwing. After `limitMs` throws its last failure, which has to tell what was seen. */
export async function until<T>(what: string, check: () => Promise<T>, limitMs = 60_000): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    try {
      return await check()
    } catch (err) {
      if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms: ${(err as Error).message}`, { cause: err })
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

class RunningCluster implements Cluster {
  readonly dataDir: string
  readonly manifests: string
  readonly kubeconfig: string
  readonly #port: number
  #flags: readonly string[]
  #server: ChildProcess | undefined
  #output = ''
  /** Of all runs. */
  #all = ''
  #tools: Tools | undefined

  constructor(dataDir: string, port: number, flags: readonly string[]) {
    this.dataDir = dataDir
    this.manifests = join(dataDir, 'server', 'manifests')
    this.kubeconfig = join(dataDir, 'kubeconfig.yaml')
    this.#port = port
    this.#flags = flags
  }

  async start(): Promise<void> {
    const own = ['--data-dir', this.dataDir, '--write-kubeconfig', this.kubeconfig, '--https-listen-port', String(this.#port)]
    const child = spawn(join(ROOT, 'k3ts'), ['server', ...own, ...this.#flags], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#server = child
    this.#output = ''
    const collect = (chunk: Buffer): void => {
      this.#output += chunk.toString()
      this.#all += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    await until(
      'k3ts is ready',
      () => {
        if (this.#output.includes('k3ts is ready')) return Promise.resolve(true)
        if (child.exitCode !== null) return Promise.resolve(false)
        throw new Error(`the server printed:\n${this.#tail()}`)
      },
      READY_LIMIT_MS,
    ).then((ready) => {
      if (!ready) throw new Error(`the server ended with code ${child.exitCode}; it printed:\n${this.#tail()}`)
    })
    this.#tools ??= await tools(this.kubeconfig, this.dataDir)
  }

  async kubectl(args: string | readonly string[], options?: ToolOptions): Promise<string> {
    return succeeded(`kubectl ${String(args)}`, await this.tryKubectl(args, options))
  }

  tryKubectl(args: string | readonly string[], options?: ToolOptions): Promise<Output> {
    return this.#running().kubectl(words(args), options)
  }

  async helm(args: string | readonly string[]): Promise<string> {
    return succeeded(`helm ${String(args)}`, await this.#running().helm(words(args)))
  }

  spawnKubectl(args: string | readonly string[], env: ToolOptions['env'] = {}): ChildProcess {
    return spawn(join(ROOT, 'dist', 'tools', 'kubectl'), ['--kubeconfig', this.kubeconfig, ...words(args)], {
      env: { PATH: '/usr/bin:/bin', HOME: this.dataDir, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  manifest(name: string, text: string): void {
    writeFileSync(join(this.manifests, name), text)
  }

  output(): string {
    return this.#output
  }

  async kill9(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async stop(): Promise<{ readonly code: number | null; readonly tookMs: number }> {
    const begin = performance.now()
    const code = await this.#end('SIGTERM')
    return { code, tookMs: performance.now() - begin }
  }

  async restart(flags: readonly string[] = this.#flags): Promise<void> {
    this.#flags = flags
    await this.#end('SIGTERM')
    await this.start()
  }

  killAll(): string {
    return cleanUpNode(this.dataDir)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGTERM')
    this.killAll()
    rmSync(this.dataDir, { recursive: true, force: true })
    const refused = this.#all.split('\n').filter((line) => line.includes('A part of the server was refused'))
    assert.deepEqual(refused, [], 'a part of the server asked for what its role does not allow')
  }

  #running(): Tools {
    if (this.#tools === undefined) throw new Error('the cluster has not been started')
    return this.#tools
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#server
    this.#server = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const exited = once(child, 'exit')
    child.kill(signal)
    const impatience = setTimeout(() => child.kill('SIGKILL'), 30_000)
    await exited
    clearTimeout(impatience)
    return child.exitCode
  }

  #tail(): string {
    const log = join(this.dataDir, 'agent', 'containerd', 'containerd.log')
    const containerd = existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(-10).join('\n') : ''
    return `${this.#output.slice(-6_000)}\ncontainerd:\n${containerd}`
  }
}

/** Arguments without spaces may be given as one line. */
function words(args: string | readonly string[]): readonly string[] {
  return typeof args === 'string' ? args.split(' ') : args
}

function succeeded(command: string, { code, stdout, stderr }: Output): string {
  if (code !== 0) throw new Error(`${command}: exit code ${code}\n${stdout}${stderr}`)
  return stdout
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Whether a program ends with 0. */
export function commandSucceeds(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args).status === 0
}
