import { customResourceDefinitions } from '../api/kinds.ts'
import { isConditionTrue } from '../meta/conditions.ts'
import type { KubeObject, ObjectName } from '../meta/object.ts'
import type { ResourceType } from '../meta/resource-type.ts'
import { childController } from '../runtime/abort.ts'
import type { Client } from './client.ts'

export interface WaitOptions {
  readonly signal: AbortSignal
  /** The server counts it, from the state that was read first. */
  readonly timeoutSeconds: number
}

/**
 * Follows one object until `isReached` answers true of it; it is asked with undefined while the object is not there. Driven by a
 * watch. False when the time was up first. Throws StatusError, also for a watch that the server broke off.
 */
export async function waitForObject<T extends KubeObject>(
  client: Pick<Client, 'list' | 'watch'>,
  [type, { namespace, name }]: readonly [ResourceType<T>, ObjectName],
  isReached: (object: T | undefined) => boolean,
  { signal, timeoutSeconds }: WaitOptions,
): Promise<boolean> {
  const one = { namespace, fieldSelector: `metadata.name=${name}` }
  const { items, resourceVersion } = await client.list(type, one, signal)
  if (isReached(items[0])) return true
  // Own controller: leaving the loop early must end the request below.
  using child = childController(signal)
  try {
    for await (const events of client.watch(type, { ...one, resourceVersion, timeoutSeconds }, child.signal))
      for (const event of events) if (isReached(event.type === 'DELETED' ? undefined : event.object)) return true
    return false
  } finally {
    child.abort()
  }
}

const ESTABLISHED_SECONDS = 5

/** The resources of a definition are served from then on. False when that took too long. */
export function waitForEstablished(client: Pick<Client, 'list' | 'watch'>, name: string, signal: AbortSignal): Promise<boolean> {
  return waitForObject(client, [customResourceDefinitions, { name }], (crd) => isConditionTrue(crd?.status.conditions, 'Established'), {
    signal,
    timeoutSeconds: ESTABLISHED_SECONDS,
  })
}
