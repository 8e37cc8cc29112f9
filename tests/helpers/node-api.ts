import { randomUUID } from 'node:crypto'
import { nodes, pods } from '../../core/api/kinds.ts'
import { schemaOf } from '../../core/api/schemas.ts'
import type { Pod } from '../../core/api/types/core-v1.ts'
import type { DeleteOptions, Patch, WatchEvent, WatchQuery, WriteOptions } from '../../core/client/client.ts'
import { decodeObject } from '../../core/meta/decode/decode.ts'
import { type Draft, type KubeObject, keyOf, type ObjectName, objectKey } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { systemClock, toTimestamp } from '../../core/runtime/clock.ts'
import { FakeCluster } from './fake-cluster.ts'

type Json = Readonly<Record<string, unknown>>

/** The fake cluster with what a node leans on beside: watches of single objects, strategic conditions, graceful pod deletion, tokens. */
export class NodeApi extends FakeCluster {
  tokens = 0

  constructor() {
    super(systemClock)
  }

  addPod(spec: Draft<Pod['spec']>, metadata: Draft<Pod['metadata']> & { readonly name: string }, nodeName = 'node-1'): Pod {
    const filled = {
      restartPolicy: 'Always' as const,
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst' as const,
      enableServiceLinks: true,
      ...spec,
      nodeName,
      containers: (spec.containers ?? []).map(defaulted),
      initContainers: spec.initContainers?.map(defaulted),
    }
    return this.seed(pods, {
      metadata: { namespace: 'default', uid: randomUUID(), ...metadata },
      spec: filled,
      status: { phase: 'Pending' },
    })
  }

  pod(name: string, namespace = 'default'): Pod | undefined {
    return this.informers.store(pods).get(objectKey(namespace, name)) as unknown as Pod | undefined
  }

  /** As the API server stores it: fields that are always written are there, empty ones too. */
  override create<T extends KubeObject>(type: ResourceType<T>, draft: Draft<T>): Promise<T> {
    if (type.resource !== nodes.resource) return super.create(type, draft)
    return super.create(type, decodeObject({ status: {}, ...structuredClone(draft) }, schemaOf('core_v1.Node')).object as Draft<T>)
  }

  /** What a DELETE without force does to a pod that is bound. */
  deletePod(name: string, graceSeconds?: number): void {
    this.change(pods, { namespace: 'default', name }, (pod) => {
      const grace = graceSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30
      const metadata = { ...pod.metadata, deletionTimestamp: toTimestamp(Date.now() + grace * 1000), deletionGracePeriodSeconds: grace }
      return { ...pod, metadata }
    })
  }

  override async patch<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, patch: Patch, options: WriteOptions): Promise<T> {
    if (patch.type !== 'strategic') return super.patch(type, name, patch, options)
    const body = patch.body as { readonly status?: Json }
    const old = (await this.get(type, name)) as unknown as {
      readonly status?: { readonly conditions?: readonly { readonly type: string }[] }
    }
    const told = (body.status?.conditions ?? []) as readonly { readonly type: string; readonly $patch?: string }[]
    const next = told.filter(({ $patch }) => $patch === undefined)
    const kept = (old.status?.conditions ?? []).filter((condition) => !told.some(({ type: own }) => own === condition.type))
    const podIps = body.status?.podIPs as readonly Json[] | undefined
    const status = {
      ...body.status,
      ...(told.length > 0 && { conditions: [...next, ...kept] }),
      ...(Array.isArray(podIps) && { podIPs: podIps.filter((entry) => !('$patch' in entry)) }),
    }
    return super.patch(type, name, { type: 'merge', body: { ...body, status } }, options)
  }

  override async delete(type: ResourceType<KubeObject>, name: ObjectName, options: DeleteOptions): Promise<void> {
    await super.delete(type, name, options)
  }

  override async createSubresource<R>(type: ResourceType<KubeObject>, name: ObjectName, subresource: string, body: unknown): Promise<R> {
    if (subresource !== 'token') return super.createSubresource(type, name, subresource, body)
    this.tokens += 1
    const spec = (body as { readonly spec: { readonly expirationSeconds?: number } }).spec
    const expirationTimestamp = toTimestamp(Date.now() + (spec.expirationSeconds ?? 3600) * 1000)
    return { spec, status: { token: `token-${name.name}-${this.tokens}`, expirationTimestamp } } as R
  }

  override async *watch<T extends KubeObject>(
    type?: ResourceType<T>,
    query: WatchQuery = {},
    signal: AbortSignal = new AbortController().signal,
  ): AsyncGenerator<readonly WatchEvent<T>[]> {
    if (type === undefined) return
    const name = /^metadata\.name=(.+)$/.exec(query.fieldSelector ?? '')?.[1]
    const key = objectKey(query.namespace, name ?? '')
    const queue: WatchEvent<T>[] = []
    let wake: () => void = () => undefined
    const remove = this.informers.informer(type).onChange((next, old) => {
      const object = next ?? old
      if (object === undefined || keyOf(object) !== key) return
      queue.push({ type: next === undefined ? 'DELETED' : old === undefined ? 'ADDED' : 'MODIFIED', object })
      wake()
    })
    const stop = (): void => wake()
    signal.addEventListener('abort', stop, { once: true })
    try {
      while (!signal.aborted) {
        if (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        if (queue.length > 0) yield queue.splice(0)
      }
    } finally {
      remove()
      signal.removeEventListener('abort', stop)
    }
  }
}

/** What the API server fills in. */
function defaulted(container: Draft<Pod['spec']['containers'][number]>): Draft<Pod['spec']['containers'][number]> {
  return {
    imagePullPolicy: 'IfNotPresent',
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    ...container,
    resources: container.resources ?? {},
  }
}
