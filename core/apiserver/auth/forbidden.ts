import type { StatusError } from '../../meta/status-error.ts'
import { forbidden } from '../errors.ts'
import type { Attributes } from './auth.ts'

/** The answer to a request its user may not make, in Kubernetes' words. Source: apiserver, endpoints/handlers/responsewriters/errors.go. */
export function forbiddenError(attributes: Attributes, reason: string): StatusError {
  const text = reason === '' ? describe(attributes) : `${describe(attributes)}: ${reason}`
  if (attributes.kind === 'path') return forbidden({ group: '', resource: '' }, '', text)
  return forbidden({ group: attributes.group, resource: attributes.resource }, attributes.name, text)
}

function describe(attributes: Attributes): string {
  const { user, verb } = attributes
  if (attributes.kind === 'path') return `User ${quote(user.name)} cannot ${verb} path ${quote(attributes.path)}`
  const { group, namespace, subresource } = attributes
  const resource = subresource === '' ? attributes.resource : `${attributes.resource}/${subresource}`
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${quote(namespace)}`
  return `User ${quote(user.name)} cannot ${verb} resource ${quote(resource)} in API group ${quote(group)} ${where}`
}

const quote = (text: string): string => JSON.stringify(text)
