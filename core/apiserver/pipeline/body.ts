import { nestsTooDeep } from '../../meta/json-depth.ts'
import { badRequest, unsupportedMediaType } from '../errors.ts'
import { MEDIA_TYPES } from '../output/form.ts'
import type { ApiRequest } from '../request.ts'

/** A request body, parsed; decoding by schema is the next step. */
export interface ParsedBody {
  /** The caller's own; free to be changed. */
  readonly value: unknown
  /** The text, for JSON only: tells duplicate keys. */
  readonly text?: string
  /** A key that stands twice, for YAML only. */
  readonly duplicate?: string
  /** A protobuf body has been decoded by schema already and knows no unknown fields. */
  readonly typed?: boolean
}

export type ProtobufReader = (bytes: Uint8Array) => unknown

/** The media type of a header, without its parameters. */
export function mediaType(contentType: string | undefined): string {
  const text = contentType ?? ''
  const semicolon = text.indexOf(';')
  return (semicolon < 0 ? text : text.slice(0, semicolon)).trim().toLowerCase()
}

/**
 * Reads the body of a create, update or delete. Without a Content-Type it is JSON. Throws StatusError
 * UnsupportedMediaType, or BadRequest for text that cannot be parsed; `kind` is what the endpoint expects.
 */
export async function readBody(request: ApiRequest, kind: string, readProtobuf: ProtobufReader | undefined): Promise<ParsedBody> {
  const bytes = await request.body()
  switch (mediaType(request.headers['content-type'])) {
    case '':
    case MEDIA_TYPES.json:
      return parseJson(bytes, kind)
    case MEDIA_TYPES.yaml:
    case 'text/yaml':
    case 'application/x-yaml':
      return parseYaml(bytes, kind)
    case MEDIA_TYPES.protobuf:
      if (readProtobuf !== undefined) return { value: readProtobuf(bytes), typed: true }
      break
    default:
  }
  throw unsupportedMediaType(Object.values(MEDIA_TYPES).filter((type) => type !== MEDIA_TYPES.protobuf || readProtobuf !== undefined))
}

/** Throws StatusError BadRequest. */
export function parseJson(bytes: Uint8Array, kind: string): ParsedBody {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  try {
    if (nestsTooDeep(text)) throw new Error('exceeded max depth')
    return { value: JSON.parse(text) as unknown, text }
  } catch (err) {
    throw unrecognized(bytes, kind, `couldn't get version/kind; json parse error: ${err instanceof Error ? err.message : ''}`)
  }
}

/** The YAML library is loaded by the first YAML body. Throws StatusError BadRequest. */
export async function parseYaml(bytes: Uint8Array, kind: string): Promise<ParsedBody> {
  const yaml = await import('../../runtime/yaml.ts')
  try {
    const { value, duplicate } = yaml.parseLenientYaml(Buffer.from(bytes).toString('utf8'))
    return duplicate === undefined ? { value } : { value, duplicate: `yaml: unmarshal errors:\n  ${duplicate}` }
  } catch (err) {
    throw unrecognized(bytes, kind, `error converting YAML to JSON: ${err instanceof Error ? err.message : ''}`)
  }
}

/** What Kubernetes answers to a body without a readable type. */
export function unrecognized(bytes: Uint8Array, kind: string, problem: string): Error {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${problem} (${summary(bytes)})`)
}

const SUMMARY_BYTES = 30

function summary(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>'
  const start = Buffer.from(bytes.subarray(0, SUMMARY_BYTES))
  const more = bytes.length > SUMMARY_BYTES ? ' ...' : ''
  return `${start[0] === 0x7b ? start.toString('utf8') : start.toString('hex')}${more}`
}
