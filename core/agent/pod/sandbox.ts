import { mkdir } from 'node:fs/promises'
import { runtimeClasses } from '../../api/kinds.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import { ignoreNotFound } from '../../meta/status-error.ts'
import { isAborted } from '../../runtime/abort.ts'
import { rpcText } from '../cri/index.ts'
import type { SandboxConfig } from '../cri/types.ts'
import { podDir, podLogDir } from '../paths.ts'
import { podReference } from './event-reference.ts'
import type { PodDeps } from './pod-deps.ts'
import { podDns } from './spec/dns.ts'
import { buildSandboxConfig } from './spec/sandbox-config.ts'
import { StartError } from './start-error.ts'

export function sandboxConfigOf(pod: Pod, attempt: number, { facts, cgroups }: PodDeps): SandboxConfig {
  const { name, namespace = 'default', uid } = pod.metadata
  return buildSandboxConfig({
    pod,
    attempt,
    cgroupParent: cgroups.parentOf(pod),
    logDirectory: podLogDir(facts.paths, { name, namespace, uid }),
    dns: facts.dns,
  })
}

/** Makes and starts the pod's sandbox; its id. Throws StartError after telling why in an event. */
export async function createSandbox(pod: Pod, attempt: number, deps: PodDeps, signal: AbortSignal): Promise<string> {
  await requireNetwork(pod, deps, signal)
  const fail = (text: string, cause: unknown): StartError => {
    deps.recorder.event(podReference(pod), 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${text}`)
    return new StartError('CreatePodSandboxError', text, { cause })
  }
  // Running the pod as the host's users instead would take away the protection that it asks for.
  if (pod.spec.hostUsers === false) throw fail('user namespaces (hostUsers: false) are not supported on this node', undefined)
  try {
    const config = sandboxConfigOf(pod, attempt, deps)
    for (const warning of podDns(pod, deps.facts.dns).warnings)
      deps.recorder.event(podReference(pod), 'Warning', 'DNSConfigForming', warning)
    const handler = await runtimeHandler(pod, deps, signal)
    await mkdir(config.logDirectory, { recursive: true, mode: 0o755 })
    await mkdir(podDir(deps.facts.paths, pod.metadata.uid), { recursive: true, mode: 0o750 })
    const id = await deps.runtime.runPodSandbox(config, handler, signal)
    deps.cache.track(id, pod.metadata.uid)
    return id
  } catch (err) {
    if (isAborted(signal)) throw err
    throw fail(rpcText(err), err)
  }
}

/** Pods on the host's network start while the pod network is still missing; it may be one of them that brings it. */
async function requireNetwork(pod: Pod, deps: PodDeps, signal: AbortSignal): Promise<void> {
  if (pod.spec.hostNetwork === true) return
  const { conditions } = await deps.runtime.status(signal)
  const network = conditions.find(({ type }) => type === 'NetworkReady')
  if (network?.status !== false) return
  const text = `container runtime network not ready: NetworkReady=false reason:${network.reason} message:${network.message}`
  deps.recorder.event(podReference(pod), 'Warning', 'NetworkNotReady', `network is not ready: ${text}`)
  throw new StartError('NetworkNotReady', text, { retryAfterMs: 500 })
}

async function runtimeHandler(pod: Pod, { client }: PodDeps, signal: AbortSignal): Promise<string> {
  const { runtimeClassName } = pod.spec
  if (runtimeClassName === undefined || runtimeClassName === '') return ''
  const found = await ignoreNotFound(client.get(runtimeClasses, { name: runtimeClassName }, signal))
  if (found === undefined) throw new Error(`failed to get sandbox runtime: runtimeclass.node.k8s.io "${runtimeClassName}" not found`)
  return found.handler
}
