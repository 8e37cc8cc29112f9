import { decodeProtobuf } from '../../api/protobuf/protobuf.ts'
import { parseYaml } from '../../runtime/yaml.ts'
import { MEDIA_TYPES } from '../output/form.ts'
import { mediaType } from '../pipeline/body.ts'

/** Bytes as they go over the wire. */
export interface Body {
  readonly bytes: Uint8Array
  readonly contentType: string | undefined
}

interface Shown {
  metadata?: unknown
  items?: unknown
}

/** An object, as one line of JSON; undefined for what is none or cannot be read. A patch is shown as it came. */
export function bodyText(body: Body, { omitManagedFields }: { readonly omitManagedFields: boolean }): string | undefined {
  const value = parseBody(body)
  if (typeof value !== 'object' || value === null) return undefined
  if (!omitManagedFields && isJson(body)) {
    // NOTE: only what was parsed may stand in the log as it came: else a body could end the event and go on with fields of its own.
    const direct = textOf(body.bytes).trim()
    if (!direct.includes('\n')) return direct
  }
  return written(omitManagedFields ? withoutManagers(value) : value)
}

/** Undefined for what is nested too deeply. */
export function written(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    // The request was refused for the same reason.
    return undefined
  }
}

/** Undefined when the body is neither JSON, YAML nor protobuf, or broken. */
export function parseBody({ bytes, contentType }: Body): unknown {
  try {
    const type = mediaType(contentType)
    if (type === MEDIA_TYPES.protobuf) return decodeProtobuf(bytes, { apiVersion: 'v1', kind: 'DeleteOptions' })
    if (type !== '' && !type.includes('json') && !type.includes('yaml')) return undefined
    const text = textOf(bytes)
    return type.includes('yaml') && !/^\s*[{[]/.test(text) ? parseYaml(text) : (JSON.parse(text) as unknown)
  } catch {
    // What cannot be read is not recorded; the answer tells what was wrong with it.
    return undefined
  }
}

/** The object as JSON, before anything changes it. */
export function objectText(object: object, { omitManagedFields }: { readonly omitManagedFields: boolean }): string {
  return JSON.stringify(omitManagedFields ? withoutManagers(object) : object)
}

function isJson({ contentType }: Body): boolean {
  return mediaType(contentType) === MEDIA_TYPES.json
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

/** For an object and for each of a list. Source: apiserver, pkg/audit/request.go. */
function withoutManagers(value: unknown): unknown {
  if (!isObject(value)) return value
  const shown = { ...value }
  if (isObject(shown.metadata)) shown.metadata = { ...shown.metadata, managedFields: undefined }
  if (Array.isArray(shown.items)) shown.items = shown.items.map(withoutManagers)
  return shown
}

function isObject(value: unknown): value is Shown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
