import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import type { Clock } from '../../runtime/clock.ts'

/** A containerd that runs, started by this process or an earlier one. */
export interface ContainerdProcess {
  readonly pid: number
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>
}

export interface LaunchOptions {
  readonly program: string
  readonly configFile: string
  readonly logFile: string
  readonly pidFile: string
  /** Kept in the pid file: a running containerd with another fingerprint is restarted. */
  readonly fingerprint: string
  /** Whole environment; absent: this process's own. */
  readonly environment?: Readonly<Record<string, string>> | undefined
}

const EXIT_POLL_MS = 500

/**
 * Starts containerd in its own session, so that neither a signal to k3ts nor its end reaches containerd.
 * `env -u` keeps systemd's notification socket for k3ts alone; the process id stays the one of containerd.
 */
export function launchContainerd(options: LaunchOptions): ContainerdProcess {
  const log = openSync(options.logFile, 'a', 0o640)
  try {
    const child = spawn('env', ['-u', 'NOTIFY_SOCKET', options.program, '--config', options.configFile], {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
      ...(options.environment !== undefined && { env: options.environment }),
    })
    const exited = new Promise<void>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', () => {
        resolve()
      })
    })
    child.unref()
    const { pid } = child
    if (pid === undefined) return { pid: 0, exited }
    writeFileSync(options.pidFile, `${pid}\n${options.fingerprint}\n`)
    return { pid, exited }
  } finally {
    closeSync(log)
  }
}

/** Finds a containerd that an earlier k3ts started with this configuration file, by its command line. */
export async function findRunning(configFile: string, clock: Clock, signal: AbortSignal): Promise<ContainerdProcess | undefined> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const pid = Number(entry)
    if (await isContainerdOf(pid, configFile)) return { pid, exited: waitForExit(pid, configFile, { clock, signal }) }
  }
  return undefined
}

/** The fingerprint with which the running containerd was started; empty when unknown. */
export function startedFingerprint(pidFile: string, pid: number): string {
  try {
    const [knownPid, fingerprint = ''] = readFileSync(pidFile, 'utf8').split('\n')
    return Number(knownPid) === pid ? fingerprint : ''
  } catch {
    return '' // no pid file: started with something we do not know
  }
}

/** Asks containerd to end and waits; its shims and containers go on. */
export async function stopContainerd(running: ContainerdProcess, clock: Clock, signal: AbortSignal): Promise<void> {
  kill(running.pid, 'SIGTERM')
  const stopped = await Promise.race([running.exited.then(() => true), clock.sleep(10_000, signal).then(() => false)])
  if (!stopped) kill(running.pid, 'SIGKILL')
  await running.exited
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    return // already gone
  }
}

async function isContainerdOf(pid: number, configFile: string): Promise<boolean> {
  try {
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
    return /(^|\/)containerd$/.test(args[0] ?? '') && args.includes(configFile)
  } catch {
    return false // ended meanwhile
  }
}

async function waitForExit(
  pid: number,
  configFile: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  // Not our child, so nothing tells us about its end: one cheap look twice a second.
  while (await isContainerdOf(pid, configFile)) await clock.sleep(EXIT_POLL_MS, signal)
}
