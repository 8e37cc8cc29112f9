import type { KubeObject } from '../../meta/object.ts'
import { badRequest } from '../errors.ts'
import type { Work } from '../resources/resource-def.ts'
import type { WriteContext } from './write-context.ts'

/** Second step: the kind's defaults, and the namespace of the request where the body has none. */
export function applyDefaults(object: Work<KubeObject>, context: WriteContext): void {
  setNamespace(object, context)
  context.def.applyDefaults?.(object)
}

/** Throws StatusError BadRequest when body and URL name different namespaces. Source: apiserver, registry/rest/meta.go. */
function setNamespace({ metadata }: Work<KubeObject>, { def, namespace }: WriteContext): void {
  if (!def.namespaced) {
    delete metadata.namespace
    return
  }
  if (metadata.namespace === undefined || metadata.namespace === '') metadata.namespace = namespace
  else if (metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
}

/** A PUT must name in its body what it names in its URL. Source: apiserver, endpoints/handlers/rest.go. */
export function checkName({ metadata }: Work<KubeObject>, { def, namespace, name }: WriteContext): void {
  if (metadata.name === '' || (metadata.name as string | undefined) === undefined)
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`)
  if (metadata.name !== name) throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`)
  const own = metadata.namespace ?? ''
  if (def.namespaced && own !== '' && own !== namespace)
    throw badRequest(`the namespace of the object (${own}) does not match the namespace on the request (${namespace})`)
}
