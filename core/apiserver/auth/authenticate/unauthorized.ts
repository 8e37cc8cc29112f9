import { StatusError } from '../../../meta/status-error.ts'

/** Kubernetes' whole answer to bad or missing credentials. Why goes to the log only, as the cause. */
export function unauthorized(cause?: unknown): StatusError {
  return new StatusError('Unauthorized', 'Unauthorized', {}, { cause })
}
