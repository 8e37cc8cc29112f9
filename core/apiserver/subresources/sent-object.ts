import { schemaOf } from '../../api/schemas.ts'
import type { KubeObject } from '../../meta/object.ts'
import { protobufReader } from '../output/protobuf.ts'
import { admissionAttributes, Outcome } from '../pipeline/admit.ts'
import { readBody } from '../pipeline/body.ts'
import { decodeBody } from '../pipeline/decode.ts'
import { writeOptions } from '../pipeline/options.ts'
import type { WriteContext } from '../pipeline/write-context.ts'
import { type RestRequest, writeContextOf } from '../rest/rest-context.ts'

/** The type of a subresource's body, where it is not the parent's. */
export interface BodyType {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Name in the generated schema table. */
  readonly schemaName: string
}

export interface SentObject<T> {
  readonly object: T
  readonly context: WriteContext
}

/** Reads the body of a POST to a subresource and takes it through both rounds of admission. Throws StatusError. */
export async function sentObject<T extends KubeObject>(rest: RestRequest, type: BodyType): Promise<SentObject<T>> {
  const { request, services } = rest
  const context = writeContextOf(rest, writeOptions(request, 'CreateOptions'))
  const body = await readBody(request, type.kind, protobufReader(type))
  const expected = { ...type, schema: schemaOf(type.schemaName) }
  const object = decodeBody(body, expected, { validation: context.options.validation, warn: context.warn })
  request.audit?.sentObject(object)
  const outcome = new Outcome()
  const attributes = { ...admissionAttributes(context, { operation: 'CREATE', object }, outcome), name: rest.info.name }
  try {
    await services.admission.mutate(attributes)
    await services.admission.validate(attributes)
  } finally {
    outcome.settle(false)
  }
  return { object: object as unknown as T, context }
}
