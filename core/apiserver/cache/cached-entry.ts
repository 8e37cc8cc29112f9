import type { KubeObject } from '../../meta/object.ts'
import type { Encoded, Entry } from './cache.ts'
import { type EventType, frameOf, frameWithRevision, objectOfFrame } from './splice.ts'

export type SelectableFields = (object: KubeObject) => Readonly<Record<string, string>>

/** What all entries of a cache share. */
export interface EntryContext {
  readonly selectableFields: SelectableFields | undefined
  /** Freezes what `object()` returns, to find readers that change it; costs more than the parse. */
  readonly freeze: boolean
}

export interface EntrySource {
  readonly namespace: string
  readonly name: string
  readonly key: string
  /** Bytes whose resourceVersion is empty or another one. */
  readonly bytes: Uint8Array
  readonly object?: KubeObject | undefined
  readonly modRevision: number
  readonly createRevision: number
  /** The event this state came with: its frame then holds the served bytes, so that both are one buffer. */
  readonly type: EventType
  /** The bytes are those of another entry that lives as long: what is made of them is not kept. */
  readonly isDerived?: boolean
}

type Labels = Readonly<Record<string, string>> | undefined

/** One live object. Bytes, frame and header are made when first asked for: a start with many objects touches none of them. */
export class CachedEntry implements Entry {
  readonly namespace: string
  readonly name: string
  /** `namespace/name`, or `name` for cluster-scoped objects. */
  readonly key: string
  readonly modRevision: number
  readonly createRevision: number
  readonly #context: EntryContext
  readonly #type: EventType
  readonly #isDerived: boolean
  #source: Uint8Array | undefined
  #frame: Buffer | undefined
  #bytes: Buffer | undefined
  #made: WeakRef<Buffer> | undefined
  #object: WeakRef<KubeObject> | undefined
  #labels: Labels
  #fields: Labels
  #hasHeader = false

  constructor(source: EntrySource, context: EntryContext) {
    this.namespace = source.namespace
    this.name = source.name
    this.key = source.key
    this.modRevision = source.modRevision
    this.createRevision = source.createRevision
    this.#context = context
    this.#type = source.type
    this.#isDerived = source.isDerived === true
    this.#source = source.bytes
    if (source.object !== undefined) {
      this.#object = new WeakRef(source.object)
      this.#readHeader(source.object)
    }
  }

  /** Bytes that this entry keeps in memory, for bounds. */
  get weight(): number {
    if (this.#isDerived) return 0
    return this.#frame?.length ?? this.#source?.length ?? 0
  }

  get bytes(): Buffer {
    return this.#bytes ?? (this.#isDerived ? objectOfFrame(this.#type, this.#derivedFrame()) : this.#splice())
  }

  get labels(): Labels {
    if (!this.#hasHeader) this.#readHeader(this.object())
    return this.#labels
  }

  get fields(): Labels {
    if (!this.#hasHeader) this.#readHeader(this.object())
    return this.#fields
  }

  object(): KubeObject {
    const kept = this.#object?.deref()
    if (kept !== undefined && kept.metadata.resourceVersion !== '') return kept
    const object = kept === undefined ? (JSON.parse(this.bytes.toString()) as KubeObject) : withRevisionOf(kept, this.modRevision)
    if (this.#context.freeze) deepFreeze(object)
    this.#object = new WeakRef(object)
    if (!this.#hasHeader) this.#readHeader(object)
    return object
  }

  /** The watch frame of this state; the one of its own event costs nothing. */
  frame(type: EventType): Buffer {
    if (this.#isDerived && type === this.#type) return this.#derivedFrame()
    const { bytes } = this
    return type === this.#type && this.#frame !== undefined ? this.#frame : frameOf(type, bytes)
  }

  /** This state as watchers see it when it was deleted, or left their selection, at `revision`. */
  deletedAt(revision: number, lastState: Encoded | undefined): CachedEntry {
    const { namespace, name, key, createRevision } = this
    const common = { namespace, name, key, createRevision, modRevision: revision, type: 'DELETED' } as const
    if (lastState === undefined) return new CachedEntry({ ...common, bytes: this.#source ?? this.bytes, isDerived: true }, this.#context)
    return new CachedEntry({ ...common, bytes: ownBytes(lastState.bytes), object: lastState.object }, this.#context)
  }

  #splice(): Buffer {
    const source = this.#source ?? Buffer.alloc(0)
    this.#frame = frameWithRevision(this.#type, source, this.modRevision)
    this.#bytes = objectOfFrame(this.#type, this.#frame)
    this.#source = undefined
    return this.#bytes
  }

  /** Shared by the watchers of one commit, then left to the garbage collector. */
  #derivedFrame(): Buffer {
    let frame = this.#made?.deref()
    if (frame === undefined) {
      frame = frameWithRevision(this.#type, this.#source ?? Buffer.alloc(0), this.modRevision)
      this.#made = new WeakRef(frame)
    }
    return frame
  }

  #readHeader(object: KubeObject): void {
    this.#labels = object.metadata.labels
    this.#fields = this.#context.selectableFields?.(object)
    this.#hasHeader = true
  }
}

/** Bytes out of a pool would keep the whole pool for as long as the history lasts. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength === bytes.length) return bytes
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}

function withRevisionOf(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
}
