import { join } from 'node:path'
import type { Pod } from '../../api/types/core-v1.ts'
import type { RuntimeService } from '../cri/index.ts'
import { type AgentPaths, podLogDir } from '../paths.ts'
import { podUidOf } from '../pod/runtime-labels.ts'
import { emptyDirFolder } from '../volumes/folders.ts'
import { folderBytes } from './folder-bytes.ts'
import type { LocalUse } from './local-limits.ts'

/** Measures what pods have written to the node's disk. The runtime is asked once; folders are walked through. */
export async function localUse(
  pods: readonly Pod[],
  { runtime, paths }: { readonly runtime: Pick<RuntimeService, 'listContainerStats'>; readonly paths: AgentPaths },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, LocalUse>> {
  const layers = new Map<string, number>()
  for (const { labels, writableLayer } of await runtime.listContainerStats({}, signal)) {
    const key = `${podUidOf(labels) ?? ''} ${labels['io.kubernetes.container.name'] ?? ''}`
    layers.set(key, (layers.get(key) ?? 0) + (writableLayer?.usedBytes ?? 0))
  }
  const use = new Map<string, LocalUse>()
  for (const { metadata, spec } of pods) {
    const { name, namespace = 'default', uid } = metadata
    const logs = podLogDir(paths, { name, namespace, uid })
    const containers = new Map<string, number>()
    for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
      const layer = layers.get(`${uid} ${container.name}`) ?? 0
      containers.set(container.name, layer + (await folderBytes(join(logs, container.name), signal)))
    }
    const volumes = new Map<string, number>()
    for (const volume of spec.volumes ?? []) {
      if (volume.emptyDir === undefined || volume.emptyDir.medium === 'Memory') continue
      volumes.set(volume.name, await folderBytes(emptyDirFolder(paths, uid, volume.name), signal))
    }
    use.set(uid, { containers, volumes })
  }
  return use
}
