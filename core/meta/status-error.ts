/** reason → HTTP code. Source: Kubernetes API conventions, "Response Status Kind". */
export const STATUS_CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  ServerTimeout: 500,
} as const

export type StatusReason = keyof typeof STATUS_CODES

export interface StatusCause {
  readonly reason?: string | undefined
  readonly message?: string | undefined
  readonly field?: string | undefined
}

export interface StatusDetails {
  readonly name?: string | undefined
  readonly group?: string | undefined
  readonly kind?: string | undefined
  readonly uid?: string | undefined
  readonly causes?: readonly StatusCause[] | undefined
  readonly retryAfterSeconds?: number | undefined
}

/** meta/v1 Status as it goes over the wire. */
export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Readonly<Record<string, unknown>>
  readonly status: 'Success' | 'Failure'
  readonly message?: string | undefined
  readonly reason?: string | undefined
  readonly details?: StatusDetails | undefined
  readonly code: number
}

/**
 * The API's only error: what a server throws to answer with a Status and what a client throws when it got one.
 * `reason` may be one this build does not know when it came from another server.
 */
export class StatusError extends Error {
  readonly reason: StatusReason
  readonly code: number
  readonly details: StatusDetails

  constructor(
    reason: StatusReason,
    message: string,
    details: StatusDetails = {},
    options: { readonly cause?: unknown; readonly code?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StatusError'
    this.reason = reason
    this.code = options.code ?? STATUS_CODES[reason]
    this.details = details
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(Object.keys(this.details).length > 0 && { details: this.details }),
      code: this.code,
    }
  }

  static fromStatus(status: Partial<Status>, httpCode: number): StatusError {
    const reason = (status.reason ?? reasonForCode(httpCode)) as StatusReason
    return new StatusError(reason, status.message ?? `the server answered ${httpCode}`, status.details ?? {}, { code: httpCode })
  }
}

function reasonForCode(code: number): StatusReason {
  for (const [reason, known] of Object.entries(STATUS_CODES)) if (known === code) return reason as StatusReason
  return 'InternalError'
}

/** Whether the server refused for one of these reasons. */
export function isReason(err: unknown, ...reasons: readonly StatusReason[]): err is StatusError {
  return err instanceof StatusError && reasons.includes(err.reason)
}
export const isNotFound = (err: unknown): boolean => isReason(err, 'NotFound')
export const isConflict = (err: unknown): boolean => isReason(err, 'Conflict')
export const isAlreadyExists = (err: unknown): boolean => isReason(err, 'AlreadyExists')

/** For deletes and reads where "absent" is a fine answer; every other failure passes through. */
export async function ignoreNotFound<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result
  } catch (err) {
    if (isNotFound(err)) return undefined
    throw err
  }
}
