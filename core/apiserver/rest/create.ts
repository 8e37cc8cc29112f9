import { objectForm, objectResponse } from '../output/object-output.ts'
import { protobufReader } from '../output/protobuf.ts'
import { isBuiltIn } from '../output/view.ts'
import { readBody } from '../pipeline/body.ts'
import { createObject } from '../pipeline/create.ts'
import { decodeBody } from '../pipeline/decode.ts'
import { applyDefaults } from '../pipeline/defaults.ts'
import { writeOptions } from '../pipeline/options.ts'
import type { ApiResponse } from '../request.ts'
import { type RestRequest, writeContextOf } from './rest-context.ts'

/** POST to a collection. */
export async function handleCreate(rest: RestRequest): Promise<ApiResponse> {
  const { request, def, services } = rest
  const form = objectForm(request, def)
  const context = writeContextOf(rest, writeOptions(request, 'CreateOptions'))
  const body = await readBody(request, def.kind, isBuiltIn(def) ? protobufReader(def) : undefined)
  const object = decodeBody(body, def, { validation: context.options.validation, warn: context.warn })
  applyDefaults(object, context)
  const entry = await createObject(services, object, context)
  return objectResponse(201, entry, def, { request, form, nowMs: context.nowMs })
}
