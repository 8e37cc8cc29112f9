import {
  decodeProtobuf,
  encodeMessage,
  encodeProtobuf,
  encodeProtobufList,
  encodeWatchFrame,
  ProtobufError,
} from '../../api/protobuf/protobuf.ts'
import type { KubeObject } from '../../meta/object.ts'
import { apiVersionOf } from '../../meta/resource-type.ts'
import type { Entry } from '../cache/cache.ts'
import { badRequest } from '../errors.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import { objectOf } from './view.ts'

export type ReadProtobuf = (bytes: Uint8Array) => unknown

type Json = Record<string, unknown>

/** Encoded messages by entry and version, without envelope: readers of one state share them. */
const messages = new WeakMap<Entry, Map<ResourceDef, Uint8Array>>()

/** Undefined for kinds without a protobuf form. Throws StatusError BadRequest for bytes that cannot be read. */
export function protobufReader(type: { readonly group: string; readonly version: string; readonly kind: string }): ReadProtobuf {
  return (bytes) => {
    try {
      return decodeProtobuf(bytes, { apiVersion: apiVersionOf(type), kind: type.kind })
    } catch (err) {
      if (err instanceof ProtobufError) throw badRequest(err.message)
      throw err
    }
  }
}

/** The message of an entry, as it stands in a list. */
export function messageOf(def: ResourceDef, entry: Entry): Uint8Array {
  let byDef = messages.get(entry)
  if (byDef === undefined) messages.set(entry, (byDef = new Map<ResourceDef, Uint8Array>()))
  let message = byDef.get(def)
  if (message === undefined) byDef.set(def, (message = encodeMessage(def.schema.name ?? '', objectOf(def, entry))))
  return message
}

/** One object in its envelope. */
export function protobufOf(def: ResourceDef, entry: Entry): Uint8Array {
  return encodeProtobuf(objectOf(def, entry))
}

export function protobufList(def: ResourceDef, metadata: object, items: readonly Uint8Array[]): Uint8Array {
  return encodeProtobufList({ kind: def.listKind, apiVersion: apiVersionOf(def), metadata }, items)
}

export function partialMessage(object: KubeObject): Uint8Array {
  return encodeMessage('meta_v1.PartialObjectMetadata', { metadata: object.metadata })
}

export function partialProtobuf(metaVersion: string, object: KubeObject): Uint8Array {
  return encodeProtobuf({ ...partialType(metaVersion), metadata: object.metadata } as Json)
}

export function partialProtobufList(metaVersion: string, metadata: object, items: readonly Uint8Array[]): Uint8Array {
  return encodeProtobufList({ ...partialType(metaVersion, 'List'), metadata }, items)
}

function partialType(metaVersion: string, suffix = ''): { readonly kind: string; readonly apiVersion: string } {
  return { kind: `PartialObjectMetadata${suffix}`, apiVersion: `meta.k8s.io/${metaVersion}` }
}

/** Any object that is in the form decoding gives, such as a Status. */
export function valueToProtobuf(object: object): Uint8Array {
  return encodeProtobuf(object)
}

export { encodeWatchFrame as protobufFrame }
