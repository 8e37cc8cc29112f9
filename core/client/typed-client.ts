import type { Draft, KubeObject, ObjectName } from '../meta/object.ts'
import { apiVersionOf, type ResourceType } from '../meta/resource-type.ts'
import { readBytes } from '../runtime/read-bytes.ts'
import type { Client, DeleteOptions, ListQuery, ObjectList, Patch, ReadName, WatchEvent, WatchQuery, WriteOptions } from './client.ts'
import { freezeDeep } from './freeze.ts'
import { JSON_TYPE, METADATA_LIST_TYPE, METADATA_TYPE, PATCH_TYPES } from './media-types.ts'
import { resourcePath, type Target } from './paths.ts'
import { parseBody, toStatusError } from './response.ts'
import type { Transport, TransportRequest } from './transport.ts'
import { parseWatchFrames } from './watch-frames.ts'

export interface ClientOptions {
  /** Sent as User-Agent; its part before the first `/` becomes the field manager of writes. */
  readonly userAgent?: string
  /** Freezes every object handed out; tests turn it on to catch writers into shared objects. */
  readonly freeze?: boolean
}

interface WireList<T> {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string }
  readonly items: readonly T[] | null
}

/** The one implementation of `Client`, over any transport. */
export function createClient(transport: Transport, options: ClientOptions = {}): Client {
  return new TypedClient(transport, options)
}

class TypedClient implements Client {
  readonly #transport: Transport
  readonly #headers: Readonly<Record<string, string>>
  readonly #finish: <T>(object: T) => T

  constructor(transport: Transport, options: ClientOptions) {
    this.#transport = transport
    this.#headers = { accept: JSON_TYPE, ...(options.userAgent !== undefined && { 'user-agent': options.userAgent }) }
    this.#finish = options.freeze === true ? freezeDeep : (object) => object
  }

  get<T extends KubeObject>(type: ResourceType<T>, name: ReadName, signal: AbortSignal): Promise<T> {
    return this.#send<T>({ method: 'GET', path: resourcePath(type, name) }, signal)
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListQuery, signal: AbortSignal): Promise<ObjectList<T>> {
    const { namespace, metadataOnly, withoutManagedFields, ...query } = options
    const headers = metadataOnly === true ? { accept: METADATA_LIST_TYPE } : {}
    const answer = await this.#call({ method: 'GET', path: resourcePath(type, { namespace }, query), headers }, signal)
    const list = parseBody<WireList<T>>(answer)
    const items = list.items ?? []
    for (const item of items) this.#finish(withTypeMeta(type, item, withoutManagedFields))
    return { resourceVersion: list.metadata.resourceVersion ?? '', continue: list.metadata.continue, items }
  }

  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchQuery,
    signal: AbortSignal,
  ): AsyncGenerator<readonly WatchEvent<T>[]> {
    const { namespace, sendInitialEvents, metadataOnly, withoutManagedFields, ...query } = options
    const path = resourcePath(
      type,
      { namespace },
      {
        watch: true,
        ...query,
        ...(sendInitialEvents !== undefined && { sendInitialEvents: String(sendInitialEvents), resourceVersionMatch: 'NotOlderThan' }),
      },
    )
    const headers = metadataOnly === true ? { ...this.#headers, accept: METADATA_TYPE } : this.#headers
    const stream = await this.#transport.stream({ method: 'GET', path, headers }, signal)
    if (stream.status >= 400) throw toStatusError(stream.status, await readBytes(stream.body), stream.headers)
    for await (const batch of parseWatchFrames<T>(stream.body)) {
      for (const event of batch) this.#finish(withTypeMeta(type, event.object, withoutManagedFields))
      yield batch
    }
  }

  create<T extends KubeObject>(type: ResourceType<T>, object: Draft<T>, options: WriteOptions): Promise<T> {
    const { namespace } = nameIn(object)
    const path = resourcePath(type, { namespace, subresource: options.subresource }, writeQuery(options))
    return this.#send<T>({ method: 'POST', path, body: encodeObject(type, object) }, options.signal)
  }

  update<T extends KubeObject>(type: ResourceType<T>, object: Draft<T>, options: WriteOptions): Promise<T> {
    const target: Target = { ...nameIn(object), subresource: options.subresource }
    const path = resourcePath(type, target, writeQuery(options))
    return this.#send<T>({ method: 'PUT', path, body: encodeObject(type, object) }, options.signal)
  }

  updateStatus<T extends KubeObject>(type: ResourceType<T>, object: Draft<T>, options: WriteOptions): Promise<T> {
    return this.update(type, object, { ...options, subresource: 'status' })
  }

  patch<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, patch: Patch, options: WriteOptions): Promise<T> {
    const path = resourcePath(
      type,
      { ...name, subresource: options.subresource },
      {
        ...writeQuery(options),
        ...(patch.type === 'apply' && { force: patch.force }),
      },
    )
    const headers = { 'content-type': PATCH_TYPES[patch.type] }
    const body = patch.type === 'apply' ? encodeObject(type, patch.body as Draft<T>) : encode(patch.body)
    return this.#send<T>({ method: 'PATCH', path, headers, body }, options.signal)
  }

  async delete(type: ResourceType<KubeObject>, name: ObjectName, options: DeleteOptions): Promise<void> {
    await this.#call({ method: 'DELETE', path: resourcePath(type, name), body: deleteBody(options) }, options.signal)
  }

  async deleteCollection(type: ResourceType<KubeObject>, options: ListQuery & DeleteOptions): Promise<void> {
    const { namespace, labelSelector, fieldSelector, limit, continue: next, resourceVersion } = options
    const path = resourcePath(type, { namespace }, { labelSelector, fieldSelector, limit, continue: next, resourceVersion })
    await this.#call({ method: 'DELETE', path, body: deleteBody(options) }, options.signal)
  }

  // eslint-disable-next-line max-params -- the shape of the contract
  createSubresource<R>(
    type: ResourceType<KubeObject>,
    name: ObjectName,
    subresource: string,
    body: unknown,
    options: WriteOptions,
  ): Promise<R> {
    const path = resourcePath(type, { ...name, subresource }, writeQuery(options))
    return this.#send<R>({ method: 'POST', path, body: encode(body) }, options.signal)
  }

  async #send<T>(request: TransportRequest, signal: AbortSignal): Promise<T> {
    return this.#finish(parseBody<T>(await this.#call(request, signal)))
  }

  async #call(request: TransportRequest, signal: AbortSignal): Promise<Uint8Array> {
    const contentType = request.body === undefined ? {} : { 'content-type': JSON_TYPE }
    const headers = { ...this.#headers, ...contentType, ...request.headers }
    const answer = await this.#transport.request({ ...request, headers }, signal)
    if (answer.status >= 400) throw toStatusError(answer.status, answer.body, answer.headers)
    return answer.body
  }
}

/** Items of built-in lists carry neither kind nor apiVersion, partial ones those of the view; users expect the object's own. */
function withTypeMeta<T extends KubeObject>(type: ResourceType<T>, item: T, withoutManagedFields = false): T {
  if (withoutManagedFields) delete (item.metadata as { managedFields?: unknown }).managedFields
  const open = item as { apiVersion?: string | undefined; kind?: string | undefined }
  if (open.kind === undefined || open.kind === 'PartialObjectMetadata') {
    open.apiVersion = apiVersionOf(type)
    open.kind = type.kind
  }
  return item
}

function nameIn(object: unknown): Target {
  return (object as { readonly metadata?: Target }).metadata ?? {}
}

function writeQuery(options: WriteOptions): Record<string, string | undefined> {
  return { fieldManager: options.fieldManager, dryRun: options.dryRun === true ? 'All' : undefined }
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8')
}

function encodeObject<T>(type: ResourceType<T>, object: unknown): Uint8Array {
  return encode({ apiVersion: apiVersionOf(type), kind: type.kind, ...(object as object) })
}

function deleteBody(options: DeleteOptions): Uint8Array {
  const { gracePeriodSeconds, propagationPolicy, preconditions } = options
  return encode({ apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds, propagationPolicy, preconditions })
}
