import { mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Pod } from '../../api/types/core-v1.ts'

/**
 * Folders of a volume on which a container mounts another volume, as paths relative to the volume. They must exist before: the
 * volume itself is often read-only. Source: Kubernetes, nested mount points of API volumes.
 */
export function nestedMountPoints(volumeName: string, pod: Pod): readonly string[] {
  const found = new Set<string>()
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    const mounts = container.volumeMounts ?? []
    for (const outer of mounts.filter(({ name, subPath }) => name === volumeName && (subPath ?? '') === '')) {
      for (const inner of mounts) {
        const way = relative(outer.mountPath, inner.mountPath)
        if (inner !== outer && way !== '' && !way.startsWith('..') && !way.startsWith('/')) found.add(way)
      }
    }
  }
  return [...found]
}

/** Makes the places in `folder`, where the volume's content lies. */
export function makeNestedMountPoints(volumeName: string, folder: string, pod: Pod): void {
  for (const path of nestedMountPoints(volumeName, pod)) mkdirSync(join(folder, path), { recursive: true, mode: 0o755 })
}
