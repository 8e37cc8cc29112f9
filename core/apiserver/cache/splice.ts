import type { KubeObject } from '../../meta/object.ts'
import { invariant } from '../../runtime/invariant.ts'
import type { CacheEvent, Encoded } from './cache.ts'

/** What stands before the revision in stored and served bytes; `encodeObject` makes it so. */
const BEFORE_REVISION = Buffer.from('"metadata":{"resourceVersion":"')
const QUOTE = 0x22

const FRAME_START = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
} as const
const FRAME_END = Buffer.from('}\n')

export type EventType = CacheEvent['type']

/**
 * Serialises an object in the form that is stored: kind, apiVersion, metadata first, and in metadata an empty
 * resourceVersion first, so that the revision goes in without another serialisation.
 */
export function encodeObject(object: KubeObject): Encoded {
  const { kind, apiVersion, metadata, ...rest } = object
  const ordered = { kind, apiVersion, metadata: { ...EMPTY_REVISION, ...metadata, ...EMPTY_REVISION }, ...rest }
  return { bytes: Buffer.from(JSON.stringify(ordered)), object: ordered }
}
const EMPTY_REVISION = { resourceVersion: '' } as const

/** Copy of `bytes` with `revision` as resourceVersion, in place of none or of another one. */
export function withRevision(bytes: Uint8Array, revision: number): Buffer {
  const { start, end } = findRevision(bytes)
  const digits = String(revision)
  const out = Buffer.allocUnsafeSlow(bytes.length - (end - start) + digits.length)
  put(out, 0, bytes, { start, end, digits })
  return out
}

/** A watch frame around such a copy; the bytes of the object are a part of it, see `objectOfFrame`. */
export function frameWithRevision(type: EventType, bytes: Uint8Array, revision: number): Buffer {
  const { start, end } = findRevision(bytes)
  const digits = String(revision)
  const head = FRAME_START[type]
  const objectLength = bytes.length - (end - start) + digits.length
  // NOTE: not from the pool: these live long, and one of them would keep a whole slab.
  const out = Buffer.allocUnsafeSlow(head.length + objectLength + FRAME_END.length)
  out.set(head, 0)
  put(out, head.length, bytes, { start, end, digits })
  out.set(FRAME_END, head.length + objectLength)
  return out
}

/** A watch frame around bytes that are complete. */
export function frameOf(type: EventType, object: Uint8Array): Buffer {
  return Buffer.concat([FRAME_START[type], object, FRAME_END])
}

/** The object inside a frame, without a copy. */
export function objectOfFrame(type: EventType, frame: Buffer): Buffer {
  return frame.subarray(FRAME_START[type].length, frame.length - FRAME_END.length)
}

/** True when both are the same but for the resourceVersion. */
export function sameButRevision(a: Uint8Array, b: Uint8Array): boolean {
  const [left, right] = [bufferOf(a), bufferOf(b)]
  const [holeLeft, holeRight] = [findRevision(left), findRevision(right)]
  return (
    left.length - holeLeft.end === right.length - holeRight.end &&
    left.compare(right, 0, holeRight.start, 0, holeLeft.start) === 0 &&
    left.compare(right, holeRight.end, right.length, holeLeft.end, left.length) === 0
  )
}

interface Hole {
  readonly start: number
  readonly end: number
}

function findRevision(bytes: Uint8Array): Hole {
  const buffer = bufferOf(bytes)
  const found = buffer.indexOf(BEFORE_REVISION)
  invariant(found >= 0, 'stored bytes have a place for the revision')
  const start = found + BEFORE_REVISION.length
  const end = buffer[start] === QUOTE ? start : buffer.indexOf(QUOTE, start)
  return { start, end }
}

function put(out: Buffer, at: number, bytes: Uint8Array, hole: Hole & { readonly digits: string }): void {
  out.set(bytes.subarray(0, hole.start), at)
  out.write(hole.digits, at + hole.start, 'latin1')
  out.set(bytes.subarray(hole.end), at + hole.start + hole.digits.length)
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
