import type { Client } from '../../core/client/client.ts'
import type { Informer, Lister } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import { type KubeObject, keyOf, type ObjectName } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import type { ReconcileContext } from '../runtime/controller.ts'

/** Stand-ins for the tests of this folder: what was cached goes in, what was written and told comes out. */
export interface Recorded {
  readonly client: Client
  readonly recorder: EventRecorder
  /** `verb plural[/subresource] key`, in order. */
  readonly writes: readonly string[]
  readonly bodies: readonly unknown[]
  readonly events: readonly string[]
}

/** A client whose reads come from `cached` and whose writes are only noted. */
export function recording(cached: readonly KubeObject[] = []): Recorded {
  const writes: string[] = []
  const bodies: unknown[] = []
  const events: string[] = []
  const note = (
    verb: string,
    type: ResourceType<KubeObject>,
    name: ObjectName,
    detail: { body: unknown; subresource?: string | undefined },
  ): Promise<unknown> => {
    const resource = detail.subresource === undefined ? type.resource : `${type.resource}/${detail.subresource}`
    writes.push(`${verb} ${resource} ${keyOf({ metadata: name })}`)
    bodies.push(detail.body)
    return Promise.resolve({ metadata: name })
  }
  const client: Pick<Client, 'get' | 'list' | 'create' | 'update' | 'patch' | 'delete' | 'deleteCollection'> = {
    get: (_type, name) => Promise.resolve(cached.find((object) => keyOf(object) === keyOf({ metadata: name })) as never),
    list: () => Promise.resolve({ resourceVersion: '1', items: cached.filter(({ kind }) => kind === 'DaemonSet') as never }),
    create: (type, object) => note('create', type, (object as KubeObject).metadata, { body: object }) as never,
    update: (type, object) => note('update', type, (object as KubeObject).metadata, { body: object }) as never,
    patch: (type, name, patch, { subresource }) => note(patch.type, type, name, { body: patch.body, subresource }) as never,
    delete: (type, name) => note('delete', type, name, { body: undefined }) as never,
    deleteCollection: (type, { namespace, labelSelector = '' }) =>
      note('delete-collection', type, { namespace, name: labelSelector }, { body: undefined }) as never,
  }
  const recorder: EventRecorder = { event: (_about, type, reason, message) => void events.push(`${type} ${reason} ${message}`) }
  return { client: client as Client, recorder, writes, bodies, events }
}

export function informerOf<T extends KubeObject>(...objects: readonly T[]): Informer<T> {
  const indexes = new Map<string, (object: T) => readonly string[]>()
  const lister: Lister<T> = {
    get: (key) => objects.find((object) => keyOf(object) === key),
    list: (namespace) => objects.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
    byIndex: (index, value) => objects.filter((object) => indexes.get(index)?.(object).includes(value)),
  }
  const addIndex = (name: string, valuesOf: (object: T) => readonly string[]): void => void indexes.set(name, valuesOf)
  return { ...lister, addIndex, hasSynced: true, onChange: () => () => undefined } as Partial<Informer<T>> as Informer<T>
}

export const testContext = {
  signal: new AbortController().signal,
  attempt: 0,
  log: { debug: () => undefined },
} as unknown as ReconcileContext
