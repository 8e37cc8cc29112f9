import type { KubeObject } from '../../meta/object.ts'
import type { Awaitable } from '../../runtime/awaitable.ts'
import type { Encoded, Entry } from '../cache/cache.ts'
import { encodeObject, withRevision } from '../cache/splice.ts'
import { entityTooLarge } from '../errors.ts'
import type { ResourceDef, Work } from '../resources/resource-def.ts'
import { setManagedFields } from './managed-fields.ts'

/** Largest stored object; the request limit of etcd, which every store here keeps. */
const MAX_OBJECT_BYTES: number = 1.5 * 1024 * 1024

/**
 * The one serialisation of a write, in the stored version of the kind. An object that only its managedFields make too
 * large is stored without them, as Kubernetes does. Throws StatusError RequestEntityTooLarge, or what a remote conversion throws.
 */
export function encodeForStorage(def: ResourceDef, object: Work<KubeObject>): Awaitable<Encoded> {
  const remote = def.conversion?.remote
  if (remote !== undefined) return remote.toHub(object).then((stored) => encodeStored(stored as Work<KubeObject>))
  return encodeStored(def.conversion === undefined ? object : (def.conversion.toHub(object) as Work<KubeObject>))
}

function encodeStored(stored: Work<KubeObject>): Encoded {
  const encoded = encodeObject(stored)
  if (encoded.bytes.length <= MAX_OBJECT_BYTES) return encoded
  setManagedFields(stored, undefined)
  const bare = encodeObject(stored)
  if (bare.bytes.length <= MAX_OBJECT_BYTES) return bare
  throw entityTooLarge(MAX_OBJECT_BYTES)
}

/**
 * The state that a dry run would have stored, in the form of an entry. A create has no revision; an update shows the one
 * it read.
 */
export function unstoredEntry(encoded: Encoded, from: { readonly namespace: string; readonly name: string }, current?: Entry): Entry {
  const revision = current?.modRevision ?? 0
  const bytes = revision === 0 ? withoutRevision(encoded.object) : withRevision(encoded.bytes, revision)
  let object: KubeObject | undefined
  return {
    ...from,
    bytes,
    modRevision: revision,
    createRevision: current?.createRevision ?? 0,
    labels: encoded.object.metadata.labels,
    fields: undefined,
    object: () => (object ??= JSON.parse(Buffer.from(bytes).toString('utf8')) as KubeObject),
  }
}

function withoutRevision({ kind, apiVersion, metadata, ...rest }: KubeObject): Uint8Array {
  const shown = { ...metadata, resourceVersion: undefined }
  return Buffer.from(JSON.stringify({ kind, apiVersion, metadata: shown, ...rest }))
}
