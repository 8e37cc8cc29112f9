import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Pod } from '../../api/types/core-v1.ts'
import type { PodDirectory } from '../stream/kubelet-api.ts'
import type { PodManager } from './pod-manager.ts'
import { isRunning, newestRecord } from './pod-runtime.ts'
import type { RuntimeCache } from './runtime-cache.ts'

/** Answers the kubelet's HTTPS API: which container, which sandbox, which log file. */
export function createPodDirectory(deps: { readonly manager: PodManager; readonly cache: RuntimeCache }): PodDirectory {
  const { manager, cache } = deps
  const runtimeOf = (pod: Pod): ReturnType<RuntimeCache['get']> => cache.get(pod.metadata.uid)
  return {
    pods: () => manager.pods(),
    find: (namespace, name) => manager.find(namespace, name),
    container: (pod, name) => {
      const record = newestRecord(runtimeOf(pod), name)
      return record === undefined ? undefined : { id: record.id, running: isRunning(record) }
    },
    sandbox: (pod) => runtimeOf(pod).sandboxes.find(({ isReady }) => isReady)?.id,
    logPath: (pod, container, previous) => {
      const records = runtimeOf(pod).containers.filter(({ name }) => name === container)
      if (!previous) return records[0]?.logPath
      return records[1]?.logPath ?? previousLog(records[0]?.logPath)
    },
  }
}

/** The log of the run before, when its container has been removed but its log has not. */
function previousLog(path: string | undefined): string | undefined {
  const count = Number(/(\d+)\.log$/.exec(path ?? '')?.[1] ?? 0)
  if (path === undefined || count === 0) return undefined
  const name = `${count - 1}.log`
  return readdirSync(dirname(path)).includes(name) ? join(dirname(path), name) : undefined
}
