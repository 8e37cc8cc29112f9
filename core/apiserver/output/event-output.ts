import { decodeObject } from '../../meta/decode/decode.ts'
import type { KubeObject } from '../../meta/object.ts'
import { apiVersionOf } from '../../meta/resource-type.ts'
import type { Status } from '../../meta/status-error.ts'
import type { CacheEvent, Entry } from '../cache/cache.ts'
import { frameOf } from '../cache/splice.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import type { OutputForm } from './form.ts'
import { partialProtobuf, protobufFrame, protobufOf, valueToProtobuf } from './protobuf.ts'
import { type IncludeObject, partialObject, TABLE_END, tableHead, tableRow } from './table.ts'
import { bytesOf, objectOf } from './view.ts'

/** Makes the frames of one watch. Frames of the plain form are the cache's own, shared by all watchers. */
export interface EventOutput {
  added(entry: Entry): Uint8Array
  event(event: CacheEvent): Uint8Array
  /** `initialEventsEnd` marks the end of the state that a WatchList started with. */
  bookmark(revision: number, initialEventsEnd: boolean): Uint8Array
  error(status: Status): Uint8Array
}

export interface EventOutputOptions {
  readonly def: ResourceDef
  readonly form: OutputForm
  readonly include: IncludeObject
  readonly now: () => number
}

type EventType = CacheEvent['type']

export function eventOutput(options: EventOutputOptions): EventOutput {
  const { def, form } = options
  if (form.encoding === 'protobuf') return protobufEvents(def, form)
  if (form.shape === 'table') return tableEvents(options)
  const isPlain = form.shape === 'object' && def.conversion === undefined
  const bytes =
    form.shape === 'metadata'
      ? (entry: Entry) => partialObject(form.metaVersion, bytesOf(def, entry))
      : (entry: Entry) => bytesOf(def, entry)
  const share = isPlain ? undefined : shared(def, form, bytes)
  const type =
    form.shape === 'metadata'
      ? { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${form.metaVersion}` }
      : { kind: def.kind, apiVersion: apiVersionOf(def) }
  return {
    added: (entry) => frameOf('ADDED', bytes(entry)),
    event: (event) => (share === undefined ? event.frame : share(event)),
    bookmark: (revision, isEnd) => jsonFrame('BOOKMARK', { ...type, metadata: bookmarkMetadata(revision, isEnd) }),
    error: (status) => jsonFrame('ERROR', status),
  }
}

/**
 * Frames of the events that are being delivered. For one turn of the loop, in which a commit reaches its watchers: an event lives
 * on in the history, and with it would each frame, and the pool of buffers each of them was cut from.
 */
const frames = new Map<CacheEvent, Map<string, Uint8Array>>()

function framesOf(event: CacheEvent): Map<string, Uint8Array> {
  let byForm = frames.get(event)
  if (byForm === undefined) {
    if (frames.size === 0) setImmediate(() => frames.clear())
    frames.set(event, (byForm = new Map<string, Uint8Array>()))
  }
  return byForm
}

/** All watchers of one form see the same frame of an event. */
function shared(def: ResourceDef, form: OutputForm, bytes: (entry: Entry) => Uint8Array): (event: CacheEvent) => Uint8Array {
  const key = `${form.shape} ${form.metaVersion} ${apiVersionOf(def)}`
  return (event) => {
    const byForm = framesOf(event)
    let frame = byForm.get(key)
    if (frame === undefined) byForm.set(key, (frame = frameOf(event.type, bytes(event.entry))))
    return frame
  }
}

function jsonFrame(type: string, object: object): Uint8Array {
  return Buffer.from(`${JSON.stringify({ type, object })}\n`)
}

function bookmarkMetadata(revision: number, isEnd: boolean): Record<string, unknown> {
  const annotations = isEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  return { resourceVersion: String(revision), creationTimestamp: null, ...annotations }
}

/** Each event is a Table of one row; the columns stand in the first. */
function tableEvents({ def, form, include, now }: EventOutputOptions): EventOutput {
  let isFirst = true
  const table = (entry: Entry): Buffer => {
    const view = { def, metaVersion: form.metaVersion, include, nowMs: now() }
    const { resourceVersion } = objectOf(def, entry).metadata
    const head = tableHead(view, { resourceVersion }, isFirst)
    isFirst = false
    return Buffer.concat([head, tableRow(view, entry), TABLE_END])
  }
  return {
    added: (entry) => frameOf('ADDED', table(entry)),
    event: ({ type, entry }) => frameOf(type, table(entry)),
    bookmark: (revision, isEnd) => {
      const view = { def, metaVersion: form.metaVersion, include, nowMs: now() }
      const head = tableHead(view, bookmarkMetadata(revision, isEnd), isFirst)
      isFirst = false
      return Buffer.concat([Buffer.from('{"type":"BOOKMARK","object":'), head, TABLE_END, Buffer.from('}\n')])
    },
    error: (status) => jsonFrame('ERROR', status),
  }
}

function protobufEvents(def: ResourceDef, form: OutputForm): EventOutput {
  const isPartial = form.shape === 'metadata'
  const object = (entry: Entry): Uint8Array =>
    isPartial ? partialProtobuf(form.metaVersion, objectOf(def, entry)) : protobufOf(def, entry)
  const known = new WeakMap<Entry, Uint8Array>()
  const envelope = (entry: Entry): Uint8Array => {
    let bytes = known.get(entry)
    if (bytes === undefined) known.set(entry, (bytes = object(entry)))
    return bytes
  }
  const frame = (type: EventType, entry: Entry): Uint8Array => protobufFrame(type, envelope(entry))
  return {
    added: (entry) => frame('ADDED', entry),
    event: ({ type, entry }) => frame(type, entry),
    bookmark: (revision, isEnd) =>
      protobufFrame('BOOKMARK', isPartial ? partialBookmark(form, revision, isEnd) : fullBookmark(def, revision, isEnd)),
    error: (status) => protobufFrame('ERROR', valueToProtobuf(status)),
  }
}

function partialBookmark(form: OutputForm, revision: number, isEnd: boolean): Uint8Array {
  return partialProtobuf(form.metaVersion, { metadata: bookmarkMetadata(revision, isEnd) } as unknown as KubeObject)
}

/** The message of an object that has nothing but metadata. */
function fullBookmark(def: ResourceDef, revision: number, isEnd: boolean): Uint8Array {
  const { object } = decodeObject({ metadata: bookmarkMetadata(revision, isEnd) }, def.schema)
  return valueToProtobuf({ ...object, kind: def.kind, apiVersion: apiVersionOf(def) })
}
