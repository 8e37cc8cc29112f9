import { methodNotAllowed, unknownResource } from '../errors.ts'
import type { SubresourceDef } from '../resources/resource-def.ts'
import { handleCreate } from './create.ts'
import { handleDelete } from './delete.ts'
import { handleDeleteCollection } from './delete-collection.ts'
import { handleGet } from './get.ts'
import { handleList } from './list.ts'
import { handlePatch } from './patch.ts'
import type { RestHandler, RestRequest } from './rest-context.ts'
import { handleScale } from './scale.ts'
import { handleUpdate } from './update.ts'
import { handleWatch } from './watch.ts'

const VERBS: Readonly<Record<string, RestHandler>> = {
  get: handleGet,
  list: handleList,
  watch: handleWatch,
  create: handleCreate,
  update: (rest) => handleUpdate(rest),
  patch: (rest) => handlePatch(rest),
  delete: handleDelete,
  deletecollection: handleDeleteCollection,
}

/** Verbs of a URL that ends with the resource; all others need a name behind it. */
const COLLECTION_VERBS: ReadonlySet<string> = new Set(['create', 'list', 'watch', 'deletecollection'])

/** Handlers of what is not plain storage, by `group/resource` and `group/resource/subresource`. */
export interface CustomHandlers {
  readonly virtual: ReadonlyMap<string, RestHandler>
  readonly subresources: ReadonlyMap<string, RestHandler>
}

/** Finds the handler of a request. Throws the 404 and 405 of paths and verbs that the resource does not have. */
export function routeOf(rest: RestRequest, custom: CustomHandlers): RestHandler {
  const { info, def } = rest
  if (info.subresource !== '') return subresourceRoute(rest, custom)
  const isCollection = info.name === '' || info.verb === 'list' || info.verb === 'watch'
  if (isCollection !== COLLECTION_VERBS.has(info.verb) && info.verb !== 'watch') throw methodNotAllowed()
  checkScope(rest)
  if (!def.verbs.includes(info.verb)) throw methodNotAllowed()
  return custom.virtual.get(`${def.group}/${def.resource}`) ?? VERBS[info.verb] ?? reject
}

function subresourceRoute(rest: RestRequest, custom: CustomHandlers): RestHandler {
  const { info, def } = rest
  const subresource = def.subresources[info.subresource]
  if (subresource === undefined || def.namespaced !== (info.namespace !== '' && def.resource !== 'namespaces')) throw unknownResource()
  // Methods without a verb of their own, such as OPTIONS, are for what a proxy leads to.
  const isForwarded = info.verb === '' && info.subresource === 'proxy'
  if (!isForwarded && !subresource.verbs.includes(info.verb)) throw methodNotAllowed()
  switch (subresource.type) {
    case 'custom':
      return custom.subresources.get(`${def.group}/${def.resource}/${info.subresource}`) ?? notServed
    case 'scale':
      return (request) => handleScale(request, subresource)
    case 'object':
      return objectSubresource(info.verb, subresource)
  }
}

function objectSubresource(verb: string, subresource: SubresourceDef): RestHandler {
  switch (verb) {
    case 'get':
      return handleGet
    case 'update':
      return (rest) => handleUpdate(rest, subresource)
    case 'patch':
      return (rest) => handlePatch(rest, subresource)
    default:
      return reject
  }
}

/** Namespaced objects are named below their namespace; only lists and watches span all of them. */
function checkScope({ info, def }: RestRequest): void {
  if (def.namespaced) {
    if (info.namespace !== '' || info.verb === 'list' || info.verb === 'watch') return
    throw info.verb === 'create' || info.verb === 'deletecollection' ? methodNotAllowed() : unknownResource()
  }
  if (info.namespace !== '' && def.resource !== 'namespaces') throw unknownResource()
}

function reject(): never {
  throw methodNotAllowed()
}

function notServed(): never {
  throw unknownResource()
}
