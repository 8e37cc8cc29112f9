import type { KubeObject } from '../../meta/object.ts'
import type { Entry } from '../cache/cache.ts'
import { notFound } from '../errors.ts'
import { negotiate } from '../output/form.ts'
import { listForm, listResponse } from '../output/list-output.ts'
import { objectForm, objectResponse } from '../output/object-output.ts'
import { isBuiltIn } from '../output/view.ts'
import { admissionAttributes, Outcome } from '../pipeline/admit.ts'
import type { WriteContext } from '../pipeline/write-context.ts'
import type { Work } from '../resources/resource-def.ts'
import { newObject } from './create.ts'
import type { RestHandler } from './rest-context.ts'

/** Handlers of kinds that are never stored, from functions over objects. */
export type Answer = (object: Work<KubeObject>, context: WriteContext) => Promise<KubeObject> | KubeObject

/** POST that is answered with an object: reviews, token requests. Admission sees the request as a CREATE. */
export function answeringCreate(answer: Answer): RestHandler {
  return async (rest) => {
    const { request, def, services } = rest
    const form = negotiate(request.headers['accept'], { endpoint: 'object', protobuf: isBuiltIn(def), shapes: false })
    const { context, object } = await newObject(rest)
    const outcome = new Outcome()
    const attributes = admissionAttributes(context, { operation: 'CREATE', object }, outcome)
    await services.admission.mutate(attributes)
    await services.admission.validate(attributes)
    outcome.settle(false)
    return objectResponse(201, virtualEntry(await answer(object, context)), def, { request, form, nowMs: context.nowMs })
  }
}

/** GET and LIST over objects computed at each read (componentstatuses). */
export function computedReads(read: (context: { readonly signal: AbortSignal }) => Promise<readonly KubeObject[]>): RestHandler {
  return async (rest) => {
    const { request, def, info, services } = rest
    const nowMs = services.clock.now()
    const objects = await read({ signal: request.signal })
    if (info.name === '' || info.verb === 'list')
      return listResponse({ entries: objects.map(virtualEntry), metadata: {} }, def, { request, form: listForm(request, def), nowMs })
    const object = objects.find(({ metadata }) => metadata.name === info.name)
    if (object === undefined) throw notFound(def, info.name)
    return objectResponse(200, virtualEntry(object), def, { request, form: objectForm(request, def), nowMs })
  }
}

/** An object that is not stored, in the form of an entry. */
function virtualEntry(object: KubeObject): Entry {
  const { kind, apiVersion, metadata, ...rest } = object
  let bytes: Uint8Array | undefined
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    get bytes() {
      return (bytes ??= Buffer.from(JSON.stringify({ kind, apiVersion, metadata, ...rest })))
    },
    modRevision: 0,
    createRevision: 0,
    labels: metadata.labels,
    fields: undefined,
    object: () => object,
  }
}
