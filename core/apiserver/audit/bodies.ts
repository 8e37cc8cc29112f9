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

/** An object, as one line of JSON; undefined for what is none, such as plain text. A patch is shown as it came. */
export function bodyText(body: Body, { omitManagedFields }: { readonly omitManagedFields: boolean }): string | undefined {
  const direct = isJson(body) ? textOf(body.bytes).trim() : undefined
  if (direct !== undefined && isPlainObject(direct) && !(omitManagedFields && direct.includes('"managedFields"'))) return direct
  const value = parseBody(body)
  if (typeof value !== 'object' || value === null) return undefined
  return JSON.stringify(omitManagedFields ? withoutManagers(value) : value)
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

/** Stored bytes are one line with the kind first and need no parsing; what people read has many lines. */
function isPlainObject(text: string): boolean {
  return text.startsWith('{"kind":"') && text.endsWith('}') && !text.includes('\n')
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
