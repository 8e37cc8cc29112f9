import { type Status, StatusError } from '../meta/status-error.ts'

/** Parses a successful JSON answer. Throws InternalError when the body is not JSON. */
export function parseBody<T>(body: Uint8Array): T {
  try {
    return JSON.parse(textOf(body)) as T
  } catch (cause) {
    throw new StatusError('InternalError', 'the server answered with a body that is not JSON', {}, { cause })
  }
}

/** Turns an answer with status >= 400 into the error it carries; bodies that are no Status keep their text. */
export function toStatusError(httpCode: number, body: Uint8Array, headers: Readonly<Record<string, string>> = {}): StatusError {
  const text = textOf(body)
  const status = parseStatus(text)
  const retryAfterSeconds = Number(headers['retry-after'] ?? Number.NaN)
  if (status === undefined) {
    const message = messageFor(httpCode, text.trim())
    return StatusError.fromStatus({ message, ...(Number.isFinite(retryAfterSeconds) && { details: { retryAfterSeconds } }) }, httpCode)
  }
  return StatusError.fromStatus(status, status.code ?? httpCode)
}

/** A plain 404 page means that the path itself is not served, which its own text says badly. */
function messageFor(httpCode: number, text: string): string {
  if (httpCode === 404) return 'the server could not find the requested resource'
  return text === '' ? `the server answered ${httpCode}` : text.slice(0, 1024)
}

function parseStatus(text: string): Partial<Status> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const parsed = JSON.parse(text) as Partial<Status>
    return parsed.kind === 'Status' ? parsed : undefined
  } catch {
    // Not JSON: the caller reports the text as it is.
    return undefined
  }
}

/** UTF-8, without a copy. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
