import type { Container, LifecycleHandler, Pod } from '../../api/types/core-v1.ts'
import type { Clock } from '../../runtime/clock.ts'
import { isCriCode, type RuntimeService, rpcText } from '../cri/index.ts'
import { httpGet } from './probes/http-get.ts'

export interface HookInput {
  readonly handler: LifecycleHandler
  readonly pod: Pod
  readonly container: Container
  readonly containerId: string
  readonly podIp: string
  /** 0: as long as it takes. */
  readonly timeoutMs: number
}

export interface HookDeps {
  readonly runtime: Pick<RuntimeService, 'execSync'>
  readonly clock: Clock
  readonly userAgent: string
}

const HTTP_TIMEOUT_MS = 30_000

/** Runs a postStart or preStop hook. Throws Error with what an event tells of its failure. Source: Kubernetes docs, "Container Lifecycle Hooks". */
export async function runHook(input: HookInput, deps: HookDeps, signal: AbortSignal): Promise<void> {
  const { handler, container, podIp, timeoutMs } = input
  if (handler.exec !== undefined) return execHook(handler.exec.command ?? [], input, { deps, signal })
  if (handler.sleep !== undefined) return deps.clock.sleep(limited(handler.sleep.seconds * 1000, timeoutMs), signal)
  if (handler.httpGet === undefined) throw new Error(`invalid handler: ${JSON.stringify(handler)}`)
  const { status } = await httpGet(
    {
      action: handler.httpGet,
      container,
      podIp,
      timeoutMs: limited(HTTP_TIMEOUT_MS, timeoutMs),
      userAgent: deps.userAgent.replace('probe', 'lifecycle'),
    },
    signal,
  )
  if (status >= 400) throw new Error(`HTTP lifecycle hook failed with statuscode: ${status}`)
}

const limited = (ms: number, limitMs: number): number => (limitMs > 0 ? Math.min(ms, limitMs) : ms)

async function execHook(
  command: readonly string[],
  { container, pod, containerId, timeoutMs }: HookInput,
  { deps, signal }: { readonly deps: HookDeps; readonly signal: AbortSignal },
): Promise<void> {
  const { name, namespace = 'default', uid } = pod.metadata
  const what = `Exec lifecycle hook ([${command.join(' ')}]) for Container "${container.name}" in Pod "${name}_${namespace}(${uid})" failed`
  try {
    const { exitCode, stdout, stderr } = await deps.runtime.execSync(containerId, command, Math.ceil(timeoutMs / 1000), signal)
    if (exitCode === 0) return
    const output = Buffer.concat([stdout, stderr]).toString('utf8')
    throw new Error(
      `${what} - error: command '${command.join(' ')}' exited with ${exitCode}: ${output}, message: ${JSON.stringify(output)}`,
    )
  } catch (err) {
    if (isCriCode(err, 'DeadlineExceeded')) throw new Error(`${what} - error: command timed out`, { cause: err })
    if (isCriCode(err)) throw new Error(`${what} - error: ${rpcText(err)}`, { cause: err })
    throw err
  }
}
