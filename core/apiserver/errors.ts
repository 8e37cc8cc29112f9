import type { FieldError } from '../meta/field-error.ts'
import { type StatusDetails, StatusError } from '../meta/status-error.ts'
import { StoreError } from '../store/store.ts'

/**
 * The errors of the API server with the texts of Kubernetes. Each takes the resource as it stands in the URL.
 * Source: shared validation facts, statusErrors; apimachinery, api/errors.
 */
export interface GroupResource {
  readonly group: string
  readonly resource: string
}

/** `pods`, `deployments.apps`. */
function qualified({ group, resource }: GroupResource): string {
  return group === '' ? resource : `${resource}.${group}`
}

/** Empty strings are left out, as Go's omitempty does. */
function detailsOf({ group, resource }: GroupResource, name: string, more: StatusDetails = {}): StatusDetails {
  return { ...(name !== '' && { name }), ...(group !== '' && { group }), ...(resource !== '' && { kind: resource }), ...more }
}

export function notFound(target: GroupResource, name: string): StatusError {
  return new StatusError('NotFound', `${qualified(target)} ${quote(name)} not found`, detailsOf(target, name))
}

export function alreadyExists(target: GroupResource, name: string): StatusError {
  return new StatusError('AlreadyExists', `${qualified(target)} ${quote(name)} already exists`, detailsOf(target, name))
}

const MODIFIED_TEXT = 'the object has been modified; please apply your changes to the latest version and try again'

/** `text` says what was in the way; by default that the object was modified. */
export function conflict(target: GroupResource, name: string, text: string = MODIFIED_TEXT, cause?: unknown): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(target)} ${quote(name)}: ${text}`
  return new StatusError('Conflict', message, detailsOf(target, name), { cause })
}

/** `name` may be empty: the text then speaks of the resource, and without a resource of nothing at all. */
export function forbidden(target: GroupResource, name: string, text: string): StatusError {
  const subject = target.resource === '' ? 'forbidden' : `${qualified(target)}${name === '' ? ' is' : ` ${quote(name)} is`} forbidden`
  return new StatusError('Forbidden', `${subject}: ${text}`, detailsOf(target, name))
}

/** 422 with one cause a problem. Equal messages are shown once in the text and kept apart in the causes. */
export function invalidObject(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const subject = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  const texts = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))]
  const text = texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`
  return new StatusError('Invalid', `${subject} ${quote(name)} is invalid: ${text}`, {
    ...(name !== '' && { name }),
    ...(kind.group !== '' && { group: kind.group }),
    kind: kind.kind,
    causes: errors.map((e) => ({ reason: e.reason, message: e.message, field: e.field })),
  })
}

export const badRequest = (message: string): StatusError => new StatusError('BadRequest', message)

/** The answer of a path below a known group version that names no resource, and of an absent subresource. */
export const unknownResource = (): StatusError => new StatusError('NotFound', 'the server could not find the requested resource')

export const methodNotAllowed = (): StatusError =>
  new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource')

export const notAcceptable = (accepted: readonly string[]): StatusError =>
  new StatusError('NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`)

export const unsupportedMediaType = (accepted: readonly string[]): StatusError =>
  new StatusError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  )

export const internalError = (text: string, cause?: unknown): StatusError =>
  new StatusError('InternalError', `Internal error occurred: ${text}`, { causes: [{ message: text }] }, { cause })

export const entityTooLarge = (limitBytes: number): StatusError =>
  new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`)

export const tooManyRequests = (message: string, retryAfterSeconds: number): StatusError =>
  new StatusError('TooManyRequests', message, retryAfterSeconds > 0 ? { retryAfterSeconds } : {})

export const serviceUnavailable = (message: string, cause?: unknown): StatusError =>
  new StatusError('ServiceUnavailable', message, {}, { cause })

/** The caller asked for a revision that this server has not seen after waiting for it. */
export function revisionTooLarge(requested: number, current: number): StatusError {
  return new StatusError('Timeout', `Timeout: Too large resource version: ${requested}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
}

export const expired = (message: string): StatusError => new StatusError('Expired', message)

/** What a watch carries as its last event when the history no longer reaches back to `requested`. */
export const tooOldRevision = (requested: number, oldest: number): StatusError =>
  expired(`too old resource version: ${requested} (${oldest})`)

/** Translates a failed commit, once, at the border between store and API. Every other error passes through. */
export function fromStoreError(err: unknown, target: GroupResource, name: string): unknown {
  if (!(err instanceof StoreError)) return err
  switch (err.code) {
    case 'KeyExists':
      return alreadyExists(target, name)
    case 'NotFound':
      return notFound(target, name)
    case 'RevisionMismatch':
      return conflict(target, name, MODIFIED_TEXT, err)
    case 'Compacted':
      return new StatusError('Expired', 'The resourceVersion for the provided list is too old.', {}, { cause: err })
    case 'FutureRevision':
      return new StatusError('Timeout', `Timeout: ${err.message}`, { retryAfterSeconds: 1 }, { cause: err })
    case 'Unavailable':
      return new StatusError(
        'ServiceUnavailable',
        'the datastore is not available at this time, please try again',
        { retryAfterSeconds: 1 },
        { cause: err },
      )
    default:
      throw new Error(`unknown store error code ${String(err.code satisfies never)}`)
  }
}

/** Go's %q of a plain string. */
function quote(text: string): string {
  return JSON.stringify(text)
}
