import { StatusError } from '../../core/meta/status-error.ts'

/** The text of whatever was thrown, for events and conditions. */
export function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}

/** Whatever was thrown as an Error, to be thrown again after other work is done. */
export function toError(err: unknown): Error {
  return err instanceof Error ? err : new Error(String(err), { cause: err })
}

/** A creation refused because the namespace is on its way out: nothing is wrong and a retry does not help. */
export function isNamespaceTerminating(err: unknown): boolean {
  return err instanceof StatusError && (err.details.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false)
}
