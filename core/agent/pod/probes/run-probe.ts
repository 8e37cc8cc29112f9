import { connect } from 'node:net'
import type { Container, Probe } from '../../../api/types/core-v1.ts'
import { isCriCode, openGrpcChannel, type RuntimeService, rpcText } from '../../cri/index.ts'
import { CriError } from '../../cri/errors.ts'
import { grpcMethod } from '../../cri/messages.ts'
import { httpGet, portOf } from './http-get.ts'
import { networkText } from './network-text.ts'

/** `error`: the probe could not be carried out; counts as nothing and is tried again. */
export interface ProbeOutcome {
  readonly result: 'success' | 'failure' | 'error'
  readonly output: string
  /** A success that a person should know of. */
  readonly isWarning?: boolean
}

export interface ProbeTarget {
  readonly container: Container
  readonly containerId: string
  readonly podIp: string
}

export interface ProbeDeps {
  readonly runtime: Pick<RuntimeService, 'execSync'>
  /** `kube-probe/1.35`. */
  readonly userAgent: string
}

const MAX_OUTPUT_BYTES = 10 << 10
const success = (output = ''): ProbeOutcome => ({ result: 'success', output })
const failure = (output: string): ProbeOutcome => ({ result: 'failure', output })

/** One try. Source: Kubernetes documentation, "Configure Liveness, Readiness and Startup Probes". */
export async function runProbe(probe: Probe, target: ProbeTarget, deps: ProbeDeps, signal: AbortSignal): Promise<ProbeOutcome> {
  const timeoutMs = Math.max(1, probe.timeoutSeconds ?? 1) * 1000
  if (probe.exec !== undefined) return execProbe(probe.exec.command ?? [], target, { deps, timeoutMs, signal })
  if (probe.httpGet !== undefined) {
    try {
      const input = { action: probe.httpGet, container: target.container, podIp: target.podIp, timeoutMs, userAgent: deps.userAgent }
      const { status, body, leftHost } = await httpGet(input, signal)
      if (leftHost === true) return { ...success(`Probe terminated redirects, Response body: ${body}`), isWarning: true }
      return status >= 200 && status < 400 ? success(body) : failure(`HTTP probe failed with statuscode: ${status}`)
    } catch (err) {
      return failure(err instanceof Error ? err.message : String(err))
    }
  }
  if (probe.tcpSocket !== undefined) {
    const port = portOf(probe.tcpSocket.port, target.container)
    if (port === undefined) return { result: 'error', output: `couldn't find port: ${JSON.stringify(probe.tcpSocket.port)}` }
    const { host } = probe.tcpSocket
    return tcpProbe(host === undefined || host === '' ? target.podIp : host, port, timeoutMs)
  }
  if (probe.grpc !== undefined) return grpcProbe(probe.grpc, target.podIp, { timeoutMs, signal })
  return { result: 'error', output: 'missing probe handler' }
}

interface ExecContext {
  readonly deps: ProbeDeps
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

async function execProbe(command: readonly string[], target: ProbeTarget, { deps, timeoutMs, signal }: ExecContext): Promise<ProbeOutcome> {
  try {
    const { stdout, stderr, exitCode } = await deps.runtime.execSync(target.containerId, command, timeoutMs / 1000, signal)
    const output = Buffer.concat([stdout, stderr]).subarray(0, MAX_OUTPUT_BYTES).toString('utf8')
    return exitCode === 0 ? success(output) : failure(output)
  } catch (err) {
    if (isCriCode(err, 'DeadlineExceeded'))
      return failure(`command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1000}s`)
    return { result: 'error', output: rpcText(err) }
  }
}

function tcpProbe(host: string, port: number, timeoutMs: number): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs })
    const finish = (outcome: ProbeOutcome): void => {
      socket.destroy()
      resolve(outcome)
    }
    socket.once('connect', () => finish(success()))
    socket.once('timeout', () => finish(failure(`dial tcp ${host}:${port}: i/o timeout`)))
    socket.once('error', (err) => finish(failure(networkText(err, host, port))))
  })
}

interface GrpcContext {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

async function grpcProbe(
  { port, service }: { readonly port: number; readonly service?: string | undefined },
  host: string,
  { timeoutMs, signal }: GrpcContext,
): Promise<ProbeOutcome> {
  const channel = openGrpcChannel({ host, port })
  try {
    const check = grpcMethod('grpc.health.v1.Health', 'Check')
    const { status } = await channel.unary<{ status: string }>(check, { service: service ?? '' }, { signal, timeoutMs })
    return status === 'SERVING' ? success() : failure(`service unhealthy (responded with ${JSON.stringify(status)})`)
  } catch (err) {
    return failure(grpcText(err, { host, port, timeoutMs }))
  } finally {
    channel.close()
  }
}

function grpcText(
  err: unknown,
  { host, port, timeoutMs }: { readonly host: string; readonly port: number; readonly timeoutMs: number },
): string {
  if (!(err instanceof CriError)) return err instanceof Error ? err.message : String(err)
  if (err.code === 'Unimplemented')
    return 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ' + err.message
  if (err.code === 'DeadlineExceeded') return `timeout: health rpc did not complete within ${timeoutMs / 1000}s`
  if (err.code === 'Unavailable')
    return `timeout: failed to connect service "${host}:${port}" within ${timeoutMs / 1000}s: ${networkText(err.cause, host, port)}`
  return `error: health rpc probe failed: ${err.toRpcText()}`
}
