import { badRequest } from '../errors.ts'

/** Where the next page starts and which state it shows. Source: apiserver, storage/continue.go. */
export interface ContinueToken {
  /** -1: whatever is current, for going on after the history was lost. */
  readonly revision: number
  /** Key of the last object of the page before: `namespace/name` or `name`. */
  readonly afterKey: string
}

const VERSION = 'meta.k8s.io/v1'
/** Sorts right behind the key it follows. */
const AFTER = '\u0000'

/** Opaque to clients: where a list goes on, and at which revision. */
export function encodeContinue({ revision, afterKey }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision, start: afterKey + AFTER })).toString('base64url')
}

/** Throws StatusError BadRequest. */
export function decodeContinue(token: string): ContinueToken {
  const { v, rv, start } = parse(token)
  if (v !== VERSION)
    throw badRequest(`continue key is not valid: server does not recognize this encoded version ${JSON.stringify(v ?? '')}`)
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0)
    throw badRequest('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)')
  if (typeof start !== 'string' || start === '')
    throw badRequest('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)')
  return { revision: rv, afterKey: start.endsWith(AFTER) ? start.slice(0, -1) : start }
}

function parse(token: string): { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown } {
  try {
    const value = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as unknown
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Falls through to the one answer for everything that is no token.
  }
  throw badRequest('continue key is not valid')
}
