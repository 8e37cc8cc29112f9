import { readKubeletOptions } from '../agent/kubelet-options.ts'
import { ConfigError, parseConfig } from '../config/parse.ts'
import type { RawValues } from '../config/sources.ts'
import { systemClock } from '../runtime/clock.ts'
import { startServer } from './compose-server.ts'
import { preflight } from './preflight.ts'
import { createProgress } from './progress.ts'
import { createServerLog } from './server-log.ts'
import { notifySystemd } from './systemd.ts'
import { productVersion } from './version.ts'

/** Runs the server until a signal; returns the exit code. The first SIGTERM or SIGINT stops in order, the second at once. */
export async function runServer(flags: RawValues): Promise<number> {
  const { config, secrets, warnings } = parseConfig({ command: 'server', flags, env: process.env })
  refuseKubeletArgs(config.agent.kubeletArgs)
  const version = productVersion()
  const problems = await preflight(config, { isRoot: process.getuid?.() === 0, path: process.env['PATH'] ?? '' })
  if (problems.length > 0) {
    for (const problem of problems) process.stderr.write(`k3ts: ${problem}\n`)
    return 1
  }
  // Whoever read along may go, as `head` does; a server does not end for that.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const log = createServerLog(config)
  for (const warning of warnings) log.warn({ warning }, 'Configuration')
  let stopping = false
  const progress = createProgress(
    systemClock,
    (text) => process.stdout.write(text),
    () => stopping,
  )
  const begin = systemClock.now()
  const stopped = nextSignal()
  progress.say(`k3ts ${version}: starting`)
  const server = await startServer({ config, secrets, version, clock: systemClock, log, progress, environment: process.env })
  server.done.catch(() => undefined)
  const announce = server.ready.then(async (failed) => {
    progress.say(farewell(server, ((systemClock.now() - begin) / 1000).toFixed(1), failed))
    await notifySystemd(process.env['NOTIFY_SOCKET'])
  })
  announce.catch(() => undefined)
  const outcome = await Promise.race([
    stopped.then(() => 'stop' as const),
    server.done.then(
      () => 'stop' as const,
      (err: unknown) => err,
    ),
  ])
  if (outcome !== 'stop') {
    log.error({ err: outcome }, 'A part of the server died; stopping')
    process.stderr.write(`k3ts: ${(outcome as Error).message}; the server stops, pods go on running\n`)
  } else progress.say('k3ts: stopping; pods go on running')
  stopping = true
  await server.stop()
  return outcome === 'stop' ? 0 : 1
}

/** The agent reads its settings itself; what it cannot read is told before anything is written. */
function refuseKubeletArgs(args: Readonly<Record<string, string>>): void {
  try {
    readKubeletOptions(args)
  } catch (err) {
    throw new ConfigError([(err as Error).message])
  }
}

function farewell(server: { readonly address: string; readonly kubeconfig: string }, seconds: string, failed: readonly string[]): string {
  const problems = failed.length === 0 ? '' : `\n  not deployed yet, retrying: ${failed.join(', ')}`
  return `
k3ts is ready after ${seconds} s
  cluster     ${server.address}
  kubeconfig  ${server.kubeconfig}${problems}

try
  ./k3ts kubectl get nodes
  ./k3ts kubectl get pods -A
`
}

function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    let seen = false
    const onSignal = (): void => {
      // The person means it: the default action ends the process at once.
      if (seen) process.kill(process.pid, 'SIGKILL')
      seen = true
      resolve()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
