import { existsSync } from 'node:fs'
import { copyFile, mkdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import { Backoff } from '../../runtime/backoff.ts'
import type { Clock } from '../../runtime/clock.ts'
import { createRuntimeService, openGrpcChannel } from '../cri/index.ts'
import { type AgentPaths, containerdRoot, containerdSocket, containerdState } from '../paths.ts'
import type { AgentSettings } from '../settings.ts'
import { overlayProblem } from './overlay.ts'
import { type ContainerdProcess, findRunning, launchContainerd, startedFingerprint, stopContainerd } from './process.ts'
import { type ContainerdPrograms, findContainerd } from './programs.ts'
import { type WrittenConfig, writeContainerdConfig } from './write-config.ts'

export interface ContainerdDeps {
  readonly settings: AgentSettings
  readonly paths: AgentPaths
  readonly log: Logger
  readonly clock: Clock
  readonly systemdCgroup: boolean
}

export interface RunningContainerd {
  readonly socket: string
  readonly snapshotter: string
  /** False when an earlier k3ts had started it: its pods were never without it. */
  readonly isNew: boolean
  /** Settles when the signal aborted. containerd and its containers go on. */
  readonly done: Promise<void>
}

const READY_TIMEOUT_MS = 60_000
const LOG_MAX_BYTES = 50 << 20
const LOG_FILES = 3

/**
 * k3ts' own containerd: adopted when an earlier k3ts left it running with the same configuration, else started; started again
 * with growing pauses when it dies. Resolves when it answers CRI calls. Throws Error when it is not installed or does not come up.
 */
export async function startContainerd(deps: ContainerdDeps, signal: AbortSignal): Promise<RunningContainerd> {
  const programs = await findContainerd()
  const { paths } = deps
  for (const dir of [containerdRoot(paths), containerdState(paths)]) await mkdir(dir, { recursive: true, mode: 0o711 })
  const snapshotter = await chooseSnapshotter(deps)
  const config = await writeContainerdConfig({ ...deps, programs, snapshotter, cniBinDirs: cniBinDirs() })
  const start = (): ContainerdProcess => launch(programs, config, deps)
  const adopted = await adopt(config, deps, signal)
  const first = adopted ?? start()
  first.exited.catch(() => undefined) // looked at below and by the supervisor
  await waitUntilReady(first, deps, signal)
  deps.log.info({ pid: first.pid, adopted: adopted !== undefined }, 'containerd is ready')
  return { socket: containerdSocket(paths), snapshotter, isNew: adopted === undefined, done: keepRunning(first, start, deps, signal) }
}

/** Where the CNI plugins are: the usual folders that exist, first the one that upstream packages use. */
export function cniBinDirs(): readonly string[] {
  const found = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'].filter((dir) => existsSync(join(dir, 'bridge')))
  return found.length > 0 ? found : ['/opt/cni/bin']
}

async function chooseSnapshotter({ settings, paths, log }: ContainerdDeps): Promise<string> {
  const wanted = settings.snapshotter === '' ? 'overlayfs' : settings.snapshotter
  if (wanted !== 'overlayfs') return wanted
  const problem = await overlayProblem(containerdRoot(paths))
  if (problem === undefined) return wanted
  log.warn({ problem }, 'overlayfs does not work on the data directory; using the slower native snapshotter')
  return 'native'
}

async function adopt(
  config: WrittenConfig,
  { paths, log, clock }: ContainerdDeps,
  signal: AbortSignal,
): Promise<ContainerdProcess | undefined> {
  const running = await findRunning(config.file, clock, signal)
  if (running === undefined) return undefined
  running.exited.catch(() => undefined) // rejects on shutdown only
  if (startedFingerprint(pidFile(paths), running.pid) === config.fingerprint) return running
  log.info({ pid: running.pid }, 'containerd runs with another configuration; restarting it, its containers go on')
  await stopContainerd(running, clock, signal)
  return undefined
}

function launch(programs: ContainerdPrograms, config: WrittenConfig, { paths, settings }: ContainerdDeps): ContainerdProcess {
  return launchContainerd({
    program: programs.containerd,
    configFile: config.file,
    logFile: logFile(paths),
    pidFile: pidFile(paths),
    fingerprint: config.fingerprint,
    environment: settings.containerdEnvironment,
  })
}

const pidFile = (paths: AgentPaths): string => join(containerdState(paths), 'containerd.pid')
const logFile = (paths: AgentPaths): string => join(containerdRoot(paths), 'containerd.log')

async function waitUntilReady(process: ContainerdProcess, { paths, clock }: ContainerdDeps, signal: AbortSignal): Promise<void> {
  const channel = openGrpcChannel({ path: containerdSocket(paths) })
  const runtime = createRuntimeService(channel)
  const deadlineMs = clock.now() + READY_TIMEOUT_MS
  const exited = process.exited.then(
    () => 'exited' as const,
    () => 'exited' as const,
  )
  try {
    for (;;) {
      const outcome = await Promise.race([exited, answers(runtime, signal)])
      if (outcome === 'exited') throw new Error(`containerd ended while starting; its log is ${logFile(paths)}`)
      if (outcome === undefined) return
      if (clock.now() > deadlineMs)
        throw new Error(`containerd did not answer within ${READY_TIMEOUT_MS / 1000} s; its log is ${logFile(paths)}`, { cause: outcome })
      await clock.sleep(50, signal)
    }
  } finally {
    channel.close()
  }
}

async function answers(runtime: ReturnType<typeof createRuntimeService>, signal: AbortSignal): Promise<unknown> {
  try {
    await runtime.version(signal)
    return undefined
  } catch (err) {
    signal.throwIfAborted()
    return err
  }
}

async function keepRunning(
  first: ContainerdProcess,
  start: () => ContainerdProcess,
  deps: ContainerdDeps,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, paths } = deps
  const backoff = new Backoff({ baseMs: 500, maxMs: 30_000 })
  let current = first
  const rotation = rotateLog(paths, clock, signal)
  while (!isAborted(signal)) {
    const startedMs = clock.now()
    await Promise.race([current.exited.catch(() => undefined), aborted(signal)])
    if (isAborted(signal)) break
    if (clock.now() - startedMs > 60_000) backoff.reset()
    const delayMs = backoff.nextMs()
    log.error({ pid: current.pid, delayMs, logFile: logFile(paths) }, 'containerd died; starting it again')
    await clock.sleep(delayMs, signal).catch(() => undefined)
    if (!isAborted(signal)) current = start()
  }
  await rotation
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** containerd keeps its log file open in append mode, so the file is copied and cut instead of renamed. */
async function rotateLog(paths: AgentPaths, clock: Clock, signal: AbortSignal): Promise<void> {
  const file = logFile(paths)
  while (!isAborted(signal)) {
    const { size } = await stat(file).catch(() => ({ size: 0 }))
    if (size > LOG_MAX_BYTES) {
      for (let index = LOG_FILES - 1; index > 1; index -= 1)
        if (existsSync(`${file}.${index - 1}`)) await copyFile(`${file}.${index - 1}`, `${file}.${index}`)
      await copyFile(file, `${file}.1`)
      await truncate(file)
    }
    await clock.sleep(600_000, signal).catch(() => undefined)
  }
}
