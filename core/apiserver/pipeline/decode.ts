import { decodeFailureText, decodeObject, strictErrorText, strictProblems } from '../../meta/decode/decode.ts'
import type { KubeObject } from '../../meta/object.ts'
import { apiVersionOf } from '../../meta/resource-type.ts'
import type { ObjectSchema } from '../../meta/schema.ts'
import { badRequest } from '../errors.ts'
import type { Work } from '../resources/resource-def.ts'
import type { ParsedBody } from './body.ts'
import type { FieldValidation } from './options.ts'

/** What a body must be. */
export interface ExpectedType {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly schema: ObjectSchema
}

export interface DecodeRules {
  readonly validation: FieldValidation
  readonly warn: (text: string) => void
}

type Json = Record<string, unknown>

/**
 * First step of a write: a parsed body becomes an object of the expected type, with everything unknown dropped, reported
 * or refused as `fieldValidation` says. Throws StatusError BadRequest. A body may leave out apiVersion and kind.
 */
export function decodeBody(body: ParsedBody, type: ExpectedType, rules: DecodeRules): Work<KubeObject> {
  const { value } = body
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest(decodeFailureText(type, `json: cannot unmarshal ${jsonType(value)} into Go value of type ${type.kind}`))
  const object = value as Json
  checkType(object, type)
  object['kind'] = type.kind
  object['apiVersion'] = apiVersionOf(type)
  if (body.typed === true) return withMetadata(object)
  const wantsText = rules.validation !== 'Ignore' && body.text !== undefined
  const decoded = decodeObject(object, type.schema, wantsText ? { text: body.text } : {})
  const [first] = decoded.errors
  if (first !== undefined) throw badRequest(decodeFailureText(type, first))
  const problems = [...(body.duplicate === undefined ? [] : [body.duplicate]), ...strictProblems(decoded)]
  if (problems.length > 0) report(problems, type, rules)
  return withMetadata(decoded.object)
}

function report(problems: readonly string[], type: ExpectedType, rules: DecodeRules): void {
  if (rules.validation === 'Strict') throw badRequest(decodeFailureText(type, strictErrorText(problems)))
  if (rules.validation === 'Warn') for (const problem of problems) rules.warn(problem)
}

function checkType(object: Json, type: ExpectedType): void {
  const { kind, apiVersion } = object
  const expected = apiVersionOf(type)
  if (typeof kind === 'string' && kind !== '' && kind !== type.kind) {
    const version = typeof apiVersion === 'string' ? apiVersion : ''
    const shown = version.slice(version.indexOf('/') + 1)
    throw badRequest(
      `${kind} in version ${JSON.stringify(shown)} cannot be handled as a ${type.kind}: the kind in the data does not match the expected kind`,
    )
  }
  if (typeof apiVersion === 'string' && apiVersion !== '' && apiVersion !== expected)
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${expected})`)
}

function withMetadata(object: Json): Work<KubeObject> {
  object['metadata'] ??= {}
  return object as unknown as Work<KubeObject>
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
}
