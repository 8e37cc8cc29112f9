import type { KubeObject } from '../../meta/object.ts'
import { objectForm, objectResponse } from '../output/object-output.ts'
import { protobufReader } from '../output/protobuf.ts'
import { isBuiltIn } from '../output/view.ts'
import { type ParsedBody, readBody } from '../pipeline/body.ts'
import { decodeBody } from '../pipeline/decode.ts'
import { applyDefaults, checkName } from '../pipeline/defaults.ts'
import { writeOptions } from '../pipeline/options.ts'
import { updateObject } from '../pipeline/update.ts'
import type { WriteContext } from '../pipeline/write-context.ts'
import type { ApiResponse, RequestAudit } from '../request.ts'
import type { SubresourceDef, Work } from '../resources/resource-def.ts'
import { type RestRequest, writeContextOf } from './rest-context.ts'

/** PUT of an object or of one of its `status`-like subresources. */
export async function handleUpdate(rest: RestRequest, subresource?: SubresourceDef): Promise<ApiResponse> {
  const { request, def, services } = rest
  const form = objectForm(request, def)
  const context = writeContextOf(rest, writeOptions(request, 'UpdateOptions'))
  const body = await readBody(request, def.kind, isBuiltIn(def) ? protobufReader(def) : undefined)
  const change = {
    next: wantedState(body, context, request.audit),
    createsWhenAbsent: subresource === undefined && def.allowCreateOnUpdate,
    ...(subresource !== undefined && { subresource }),
  }
  const { entry, created } = await updateObject(services, change, context)
  return objectResponse(created ? 201 : 200, entry, def, { request, form, nowMs: context.nowMs })
}

/** The body as an object. Each call makes its own from the text, since the pipeline uses it up. */
function wantedState(body: ParsedBody, context: WriteContext, audit: RequestAudit | undefined): () => Work<KubeObject> {
  const { def, options } = context
  const text = body.text ?? JSON.stringify(body.value)
  let parsed: ParsedBody | undefined = body
  return () => {
    const source = parsed ?? { ...body, value: JSON.parse(text) as unknown }
    parsed = undefined
    const object = decodeBody(source, def, { validation: options.validation, warn: context.warn })
    checkName(object, context)
    applyDefaults(object, context)
    if (source === body) audit?.sentObject(object)
    return object
  }
}
