import protobuf from 'protobufjs/light.js'
import { CRI_DESCRIPTOR } from './descriptor.ts'

/** Encodes and decodes one protobuf message type; plain objects with camelCase names on our side. */
export interface MessageCodec {
  encode(value: object): Uint8Array
  /** Absent scalars appear with their default; absent messages as undefined; 64-bit numbers as number; enums by name. */
  decode<T>(bytes: Uint8Array): T
}

let loaded: protobuf.Root | undefined
/** Immutable once built, so sharing it between all clients of the process is safe. */
const schema = (): protobuf.Root => (loaded ??= protobuf.Root.fromJSON(CRI_DESCRIPTOR))
const codecs = new Map<string, MessageCodec>()

/** Full name, such as `runtime.v1.VersionRequest`. The descriptor is loaded at the first use. */
export function messageCodec(name: string): MessageCodec {
  const known = codecs.get(name)
  if (known !== undefined) return known
  const type = schema().lookupType(name)
  const codec: MessageCodec = {
    encode: (value) => type.encode(type.fromObject(value)).finish(),
    decode: <T>(bytes: Uint8Array) => withoutNulls(type.toObject(type.decode(bytes), CONVERSION)) as T,
  }
  codecs.set(name, codec)
  return codec
}

/** One call of a service: its HTTP/2 path and the codecs of both directions. */
export interface Method {
  readonly name: string
  readonly path: string
  readonly request: MessageCodec
  readonly response: MessageCodec
}

/** `service` is the full name, such as `runtime.v1.ImageService`. */
export function grpcMethod(service: string, name: string): Method {
  const method = schema().lookupService(service).methods[name]
  if (method === undefined) throw new Error(`the service ${service} has no call ${name}`)
  const packageName = service.slice(0, service.lastIndexOf('.'))
  return {
    name,
    path: `/${service}/${name}`,
    request: messageCodec(`${packageName}.${method.requestType}`),
    response: messageCodec(`${packageName}.${method.responseType}`),
  }
}

const CONVERSION: protobuf.IConversionOptions = { longs: Number, enums: String, defaults: true, arrays: true, objects: true }

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (value === null) return undefined
  if (typeof value !== 'object' || value instanceof Uint8Array) return value
  const result: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) if (member !== null) result[key] = withoutNulls(member)
  return result
}
