import type { Authorizer } from '../auth/auth.ts'
import { forbidden } from '../errors.ts'
import type { WriteContext } from './write-context.ts'

/** An update or apply that would create needs the right to create as well. Throws StatusError Forbidden. */
export function requireCreate(authorizer: Authorizer, context: WriteContext): void {
  const { def, user, namespace, name } = context
  const { group, version, resource } = def
  const attributes = { kind: 'resource', user, verb: 'create', group, version, resource, subresource: '', namespace, name } as const
  const decision = authorizer.authorize(attributes)
  if (decision.allowed) return
  throw forbidden(def, name, forbiddenText(attributes, decision.reason))
}

/** What the Forbidden message says of a resource request. Source: apiserver, handlers/responsewriters. */
export function forbiddenText(
  attributes: {
    readonly user: { readonly name: string }
    readonly verb: string
    readonly group: string
    readonly resource: string
    readonly subresource: string
    readonly namespace: string
  },
  reason: string,
): string {
  const { user, verb, group, subresource, namespace } = attributes
  const resource = subresource === '' ? attributes.resource : `${attributes.resource}/${subresource}`
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`
  const what = `User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)} ${where}`
  return reason === '' ? what : `${what}: ${reason}`
}
