import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ignoreMissing } from '../../runtime/missing-file.ts'
import { ignoreAbsent } from '../cri/index.ts'
import { podLogDir } from '../paths.ts'
import type { PodDeps } from './pod-deps.ts'
import { type ContainerRecord, isRunning, type PodRuntime } from './pod-runtime.ts'
import { logLinkPath } from './start-container.ts'

/** The newest of each container tells the present, the one before it how the last run ended. */
const KEPT_PER_CONTAINER = 2

/** Removes containers that nobody will ask for again, and sandboxes that hold none that is kept. */
export async function removeOldRecords(runtime: PodRuntime, deps: PodDeps, signal: AbortSignal): Promise<void> {
  const kept = new Set<string>()
  const usedSandboxes = new Set<string>()
  for (const records of Map.groupBy(runtime.containers, ({ name }) => name).values()) {
    for (const [index, record] of records.entries()) {
      if (index >= KEPT_PER_CONTAINER && !isRunning(record)) continue
      kept.add(record.id)
      usedSandboxes.add(record.sandboxId)
    }
  }
  const [, ...older] = runtime.sandboxes
  const oldSandboxes = older.filter(({ id, isReady }) => !isReady && !usedSandboxes.has(id))
  const oldContainers = runtime.containers.filter(({ id }) => !kept.has(id))
  for (const record of oldContainers) await removeContainer(record, runtime, deps, signal)
  for (const { id } of oldSandboxes) await ignoreAbsent(deps.runtime.removePodSandbox(id, signal))
  if (oldContainers.length + oldSandboxes.length > 0) await deps.cache.refresh(runtime.uid, signal)
}

/** Removes all that the runtime and the log folders hold of a pod that is gone. Running containers must have been ended. */
export async function removePodRecords(runtime: PodRuntime, deps: PodDeps, signal: AbortSignal): Promise<void> {
  for (const record of runtime.containers) await removeContainer(record, runtime, deps, signal)
  for (const { id } of runtime.sandboxes) {
    await ignoreAbsent(deps.runtime.stopPodSandbox(id, signal))
    await ignoreAbsent(deps.runtime.removePodSandbox(id, signal))
  }
  await deps.cache.refresh(runtime.uid, signal)
}

/** Log folder of a pod that is gone. */
export async function removePodLogs(
  pod: { readonly name: string; readonly namespace: string; readonly uid: string },
  deps: PodDeps,
): Promise<void> {
  await rm(podLogDir(deps.facts.paths, pod), { recursive: true, force: true })
}

async function removeContainer(
  record: ContainerRecord,
  { name, namespace }: PodRuntime,
  deps: PodDeps,
  signal: AbortSignal,
): Promise<void> {
  await ignoreAbsent(deps.runtime.removeContainer(record.id, signal))
  await rm(logLinkPath(deps.facts.paths, { name, namespace }, record.name, record.id), { force: true })
  if (record.logPath !== '') await rm(record.logPath, { force: true })
}

/** Ends and removes a pod that the API does not know: left by an earlier life, or deleted while this node was away. */
export async function removeOrphan(uid: string, deps: PodDeps, signal: AbortSignal): Promise<void> {
  const runtime = await deps.cache.refresh(uid, signal)
  await Promise.all(
    runtime.containers.filter(isRunning).map((record) => ignoreAbsent(deps.runtime.stopContainer(record.id, record.graceSeconds, signal))),
  )
  await removePodRecords(runtime, deps, signal)
  await deps.volumes.teardown(uid)
  await deps.cgroups.remove(uid)
  for (const folder of await podLogFolders(uid, deps)) await rm(folder, { recursive: true, force: true })
}

async function podLogFolders(uid: string, { facts }: PodDeps): Promise<readonly string[]> {
  const names = (await ignoreMissing(readdir(facts.paths.podLogs))) ?? []
  return names.filter((name) => name.endsWith(`_${uid}`)).map((name) => join(facts.paths.podLogs, name))
}
