import type { Authorizer } from '../auth/auth.ts'
import { forbiddenError } from '../auth/forbidden.ts'
import type { WriteContext } from './write-context.ts'

/** An update or apply that would create needs the right to create as well. Throws StatusError Forbidden. */
export function requireCreate(authorizer: Authorizer, context: WriteContext): void {
  const { def, user, namespace, name } = context
  const { group, version, resource } = def
  const attributes = { kind: 'resource', user, verb: 'create', group, version, resource, subresource: '', namespace, name } as const
  const { allowed, reason } = authorizer.authorize(attributes)
  if (!allowed) throw forbiddenError(attributes, reason)
}
