import { apiVersionOf, type ResourceType } from '../../meta/resource-type.ts'
import type { KubeObject } from '../../meta/object.ts'
import { isConflict, isNotFound } from '../../meta/status-error.ts'
import type { Logger } from '../../observability/log.ts'
import type { Clock } from '../../runtime/clock.ts'
import { WorkQueue } from '../../runtime/work-queue.ts'
import type { ObjectReader } from '../admission/admission.ts'
import type { Handler } from '../request.ts'
import { ownRequests } from './own-requests.ts'

export interface StatusDeps {
  readonly reader: ObjectReader
  readonly handle: Handler
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

export interface StatusRule<T extends KubeObject> {
  /** A kind without namespaces. */
  readonly type: ResourceType<T>
  /** Kinds that the status depends on: a change of one looks at all objects again. */
  readonly dependsOn?: readonly { readonly group: string; readonly resource: string }[]
  /** The status that the object should have; undefined when it has it. */
  readonly statusOf: (object: T) => object | undefined
}

/** Writes what the server itself tells in the status of a kind, for each object and after each change. Resolves when the signal has ended it. */
export async function keepStatus<T extends KubeObject>(deps: StatusDeps, rule: StatusRule<T>): Promise<void> {
  const { reader, clock, log, signal } = deps
  const { type, dependsOn = [] } = rule
  const queue = new WorkQueue<string>({ clock, maxMs: 30_000 })
  const addAll = (): void => {
    for (const { metadata } of reader.list<T>(type)) queue.add(metadata.name)
  }
  const stops = [
    reader.onChange(type, (changed) => {
      if (changed === undefined) addAll()
      else queue.add(changed.name)
    }),
    ...dependsOn.map((other) => reader.onChange(other, addAll)),
  ]
  const shutDown = (): void => {
    queue.shutDown()
  }
  if (signal.aborted) shutDown()
  signal.addEventListener('abort', shutDown, { once: true })
  addAll()
  const write = writer(deps, rule)
  for (let name = await queue.take(); name !== undefined; name = await queue.take()) {
    try {
      await write(name)
      queue.forget(name)
    } catch (err) {
      const delayMs = queue.addRateLimited(name)
      if (!signal.aborted && delayMs > 5_000) log.warn({ err, kind: type.kind, name }, 'A status cannot be written yet')
    } finally {
      queue.done(name)
    }
  }
  signal.removeEventListener('abort', shutDown)
  for (const stop of stops) stop()
}

function writer<T extends KubeObject>({ reader, handle, signal }: StatusDeps, { type, statusOf }: StatusRule<T>) {
  const request = ownRequests(handle, signal)
  const typeMeta = { kind: type.kind, apiVersion: apiVersionOf(type) }
  return async (name: string): Promise<void> => {
    const object = reader.get<T>(type, '', name)
    const status = object === undefined ? undefined : statusOf(object)
    if (status === undefined) return
    try {
      await request('PUT', `/apis/${typeMeta.apiVersion}/${type.resource}/${name}/status`, { ...object, ...typeMeta, status })
    } catch (err) {
      // The newer state comes here by itself.
      if (!isConflict(err) && !isNotFound(err)) throw err
    }
  }
}
