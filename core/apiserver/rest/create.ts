import type { KubeObject } from '../../meta/object.ts'
import { objectForm, objectResponse } from '../output/object-output.ts'
import { protobufReader } from '../output/protobuf.ts'
import { isBuiltIn } from '../output/view.ts'
import { readBody } from '../pipeline/body.ts'
import { createObject } from '../pipeline/create.ts'
import { decodeBody } from '../pipeline/decode.ts'
import { applyDefaults } from '../pipeline/defaults.ts'
import { writeOptions } from '../pipeline/options.ts'
import type { WriteContext } from '../pipeline/write-context.ts'
import type { ApiResponse } from '../request.ts'
import type { Work } from '../resources/resource-def.ts'
import { type RestRequest, writeContextOf } from './rest-context.ts'

/** POST to a collection. */
export async function handleCreate(rest: RestRequest): Promise<ApiResponse> {
  const { request, def, services } = rest
  const form = objectForm(request, def)
  const { context, object } = await newObject(rest)
  const entry = await createObject(services, object, context)
  return objectResponse(201, entry, def, { request, form, nowMs: context.nowMs })
}

export interface NewObject {
  readonly object: Work<KubeObject>
  readonly context: WriteContext
}

/** The object in the body of a POST, with its defaults. Throws StatusError. */
export async function newObject(rest: RestRequest): Promise<NewObject> {
  const { request, def } = rest
  const context = writeContextOf(rest, writeOptions(request, 'CreateOptions'))
  const body = await readBody(request, def.kind, isBuiltIn(def) ? protobufReader(def) : undefined)
  const object = decodeBody(body, def, { validation: context.options.validation, warn: context.warn })
  applyDefaults(object, context)
  request.audit?.sentObject(object)
  return { object, context }
}
