import { nodes, pods } from '../../api/kinds.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import type { Client } from '../../client/client.ts'
import { ignoreNotFound, isAlreadyExists } from '../../meta/status-error.ts'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import { CONFIG_HASH, CONFIG_MIRROR } from './static-pods.ts'

export const isMirror = (pod: Pod): boolean => pod.metadata.annotations?.[CONFIG_MIRROR] !== undefined
export const isStatic = (pod: Pod): boolean => !isMirror(pod) && pod.metadata.annotations?.[CONFIG_HASH] !== undefined

/** Whether an API object shows this very static pod. */
export function isMirrorOf(mirror: Pod | undefined, pod: Pod): mirror is Pod {
  return mirror?.metadata.annotations?.[CONFIG_MIRROR] === pod.metadata.annotations?.[CONFIG_HASH]
}

/**
 * Shows a static pod in the API: makes its mirror, and replaces one of an older version of the file. Failures are logged and
 * met again with the next change or look; the pod itself runs without it.
 */
export async function showMirror(
  pod: Pod,
  current: Pod | undefined,
  deps: { readonly client: Client; readonly log: Logger; readonly nodeName: string },
  signal: AbortSignal,
): Promise<void> {
  if (isMirrorOf(current, pod) && current.metadata.deletionTimestamp === undefined) return
  const { client, log } = deps
  try {
    if (current !== undefined) {
      if (!isMirror(current)) return
      await ignoreNotFound(
        client.delete(pods, current.metadata, { signal, gracePeriodSeconds: 0, preconditions: { uid: current.metadata.uid } }),
      )
    }
    const node = await client.get(nodes, { name: deps.nodeName }, signal)
    const { name, namespace, labels } = pod.metadata
    const owner = { apiVersion: 'v1', kind: 'Node', name: node.metadata.name, uid: node.metadata.uid, controller: true }
    const annotations = { ...pod.metadata.annotations, [CONFIG_MIRROR]: pod.metadata.annotations?.[CONFIG_HASH] ?? '' }
    const metadata = { name, namespace, labels, annotations, ownerReferences: [owner] }
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec: pod.spec }, { signal })
  } catch (err) {
    if (!isAborted(signal) && !isAlreadyExists(err)) log.warn({ err, pod: pod.metadata.name }, 'Mirror of a static pod not made')
  }
}

/** Takes away the mirror of a static pod whose file is gone. */
export async function removeMirror(mirror: Pod, deps: { readonly client: Client }, signal: AbortSignal): Promise<void> {
  await ignoreNotFound(
    deps.client.delete(pods, mirror.metadata, { signal, gracePeriodSeconds: 0, preconditions: { uid: mirror.metadata.uid } }),
  )
}
