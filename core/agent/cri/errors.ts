/** gRPC status codes in wire order. Source: gRPC core documentation, "Status codes and their use in gRPC". */
export const GRPC_CODES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const

export type CriErrorCode = Exclude<(typeof GRPC_CODES)[number], 'OK'>

/** What the container runtime, or the way to it, answered instead of a result. `message` is the runtime's own text. */
export class CriError extends Error {
  override readonly name = 'CriError'
  readonly code: CriErrorCode
  /** Name of the call, such as `RunPodSandbox`. */
  readonly call: string

  constructor(code: CriErrorCode, message: string, options: { readonly call: string; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.call = options.call
  }

  /** The form in which Go programs, and so Kubernetes' events, print a gRPC error. */
  toRpcText(): string {
    return `rpc error: code = ${this.code} desc = ${this.message}`
  }
}

/** Wire number to name; numbers outside the table are `Unknown`, as gRPC prescribes. */
export function codeOf(status: number): (typeof GRPC_CODES)[number] {
  return GRPC_CODES[status] ?? 'Unknown'
}

/** Whether the runtime failed with one of these codes. */
export function isCriCode(err: unknown, ...codes: readonly CriErrorCode[]): err is CriError {
  return err instanceof CriError && codes.includes(err.code)
}

/** The text Kubernetes shows for any failure of a runtime call. */
export function rpcText(err: unknown): string {
  if (err instanceof CriError) return err.toRpcText()
  return err instanceof Error ? err.message : String(err)
}

/** For stops and removals, where "absent" is what was wanted. */
export async function ignoreAbsent(result: Promise<unknown>): Promise<void> {
  try {
    await result
  } catch (err) {
    if (!isCriCode(err, 'NotFound')) throw err
  }
}
