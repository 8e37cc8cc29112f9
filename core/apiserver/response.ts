import { type Status, type StatusError } from '../meta/status-error.ts'
import type { OutputForm } from './output/form.ts'
import { MEDIA_TYPES } from './output/form.ts'
import type { ApiResponse } from './request.ts'

/** Clients and proxies must not keep what the API answers. */
const NO_CACHE = 'no-cache, private'

const JSON_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'cache-control': NO_CACHE,
  'content-type': 'application/json',
})
const TEXT_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'cache-control': NO_CACHE,
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
})

type Body = NonNullable<ApiResponse['body']>

/** Ready JSON bytes. */
export function jsonResponse(status: number, body: Body): ApiResponse {
  return { status, headers: JSON_HEADERS, body }
}

/** Any JSON value; serialised here. */
export function jsonValueResponse(status: number, value: unknown): ApiResponse {
  return { status, headers: JSON_HEADERS, body: Buffer.from(`${JSON.stringify(value)}\n`) }
}

export function textResponse(status: number, text: string): ApiResponse {
  return { status, headers: TEXT_HEADERS, body: Buffer.from(text) }
}

/** `stream` marks the content type of a watch; JSON watches carry the plain type. */
export function formResponse(status: number, form: OutputForm, body: Body, stream = false): ApiResponse {
  if (form.encoding === 'json') return { status, headers: JSON_HEADERS, body }
  const type = `${MEDIA_TYPES[form.encoding]}${stream ? ';stream=watch' : ''}`
  return { status, headers: { 'cache-control': NO_CACHE, 'content-type': type }, body }
}

/** The plain 404 of paths that nothing serves. */
export const notFoundPage = (): ApiResponse => textResponse(404, '404 page not found\n')

/** A Status for a failed request, with Retry-After where it asks for one. */
export function statusResponse(err: StatusError): ApiResponse {
  const response = jsonValueResponse(err.code, err.toStatus())
  const seconds = err.details.retryAfterSeconds
  return seconds === undefined ? response : { ...response, headers: { ...response.headers, 'retry-after': String(seconds) } }
}

/** The Status of a deletion, which has no code: Go leaves out a zero. `kind` is the resource as in the URL. */
export function successStatus(details: {
  readonly name: string
  readonly group: string
  readonly kind: string
  readonly uid?: string
}): Omit<Status, 'code'> {
  const { name, group, kind, uid } = details
  const shown = { name, ...(group !== '' && { group }), kind, ...(uid !== undefined && uid !== '' && { uid }) }
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: shown }
}

/** Characters of all warnings of an answer; beyond, each is cut and the last are left out. Source: apiserver, endpoints/filters/warning. */
const MAX_WARNINGS = 4_096
const MAX_CUT_WARNING = 256

/** Adds a Warning header with the texts; HTTP joins several with commas. Source: apiserver, warning handling. */
export function withWarnings(response: ApiResponse, warnings: readonly string[]): ApiResponse {
  if (warnings.length === 0) return response
  const header = bounded([...new Set(warnings)])
    .map((text) => `299 - ${quoted(text)}`)
    .join(', ')
  return { ...response, headers: { ...response.headers, warning: header } }
}

function bounded(texts: readonly string[]): readonly string[] {
  if (texts.reduce((sum, text) => sum + text.length, 0) <= MAX_WARNINGS) return texts
  const kept: string[] = []
  let length = 0
  for (const text of texts) {
    if (length >= MAX_WARNINGS) break
    const cut = Array.from(text.slice(0, 2 * MAX_CUT_WARNING)).slice(0, MAX_CUT_WARNING)
    kept.push(cut.join(''))
    length += cut.length
  }
  return kept
}

const CONTROL = /[\u0000-\u001f\u007f]/g
const NOT_LATIN = /[^\u0000-\u00ff]/g

/** A quoted-string of RFC 7230: control characters cannot stand in it, and the rest of the header is bytes. */
function quoted(text: string): string {
  const clean = text.replace(CONTROL, ' ').replace(NOT_LATIN, '?')
  return `"${clean.replace(/[\\"]/g, '\\$&')}"`
}
