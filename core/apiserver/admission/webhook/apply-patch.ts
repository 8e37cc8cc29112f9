import { decodeObject } from '../../../meta/decode/decode.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { nestsTooDeep } from '../../../meta/json-depth.ts'
import { isObject } from '../../../meta/patch/apply/path-element.ts'
import { jsonPatch } from '../../../meta/patch/json-patch.ts'
import { apiVersionOf } from '../../../meta/resource-type.ts'
import { internalError } from '../../errors.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'
import type { AdmissionAttributes } from '../admission.ts'
import type { Hook } from './hook.ts'

/**
 * Applies the JSON patch of a webhook to the object in place, normalised and defaulted as what a user sends is. True when the object
 * changed. Throws StatusError InternalError for a patch that does not fit.
 */
export function applyHookPatch(hook: Hook, attributes: AdmissionAttributes, base64: string, def: ResourceDef): boolean {
  const { object } = attributes
  if (object === undefined) {
    throw internalError(
      `admission webhook ${JSON.stringify(hook.name)} attempted to modify the object, which is not supported for this operation`,
    )
  }
  const operations = parse(hook, base64)
  if (operations.length === 0) return false
  const open = object as unknown as Record<string, unknown>
  const document = { ...open, ...(isWhole(attributes) && typeOf(def)) }
  const next = normalise(hook, patched(hook, document, operations), attributes)
  if (deepEqual(next, open)) return false
  replaceContent(open, next)
  return true
}

function parse(hook: Hook, base64: string): readonly unknown[] {
  try {
    const text = Buffer.from(base64, 'base64').toString()
    if (nestsTooDeep(text)) throw new Error('exceeded max depth')
    const operations = JSON.parse(text) as unknown
    if (!Array.isArray(operations)) throw new Error('the patch is no list of operations')
    return operations
  } catch (err) {
    throw internalError(`admission webhook ${JSON.stringify(hook.name)}: ${(err as Error).message}`, err)
  }
}

/** What clients learn of a patch of their own is little; a webhook's is told in full to whoever has to mend it. */
function patched(hook: Hook, document: object, operations: readonly unknown[]): object {
  try {
    const next = jsonPatch(document, operations)
    if (!isObject(next)) throw new Error('the result is no object')
    // NOTE: untouched parts are shared with the object, and decoding changes what it is given.
    return structuredClone(next)
  } catch (err) {
    const { message, cause } = err as Error
    const text = cause instanceof Error ? cause.message : message
    throw internalError(`admission webhook ${JSON.stringify(hook.name)}: the patch cannot be applied: ${text}`, err)
  }
}

/** Bodies of subresources such as a binding have no definition here and stay as the webhook made them. */
function normalise(hook: Hook, value: object, attributes: AdmissionAttributes): Record<string, unknown> {
  const { def } = attributes
  if (!isWhole(attributes)) return value as Record<string, unknown>
  const { object, errors } = decodeObject({ ...value, ...typeOf(def) }, def.schema)
  if (errors[0] !== undefined) throw internalError(`admission webhook ${JSON.stringify(hook.name)}: ${errors[0]}`)
  def.applyDefaults?.(object as unknown as Parameters<NonNullable<ResourceDef['applyDefaults']>>[0])
  return object
}

function isWhole({ subresource, def, object }: AdmissionAttributes): boolean {
  return subresource === '' || object?.kind === undefined || object.kind === def.kind
}

function typeOf(def: ResourceDef): { readonly apiVersion: string; readonly kind: string } {
  return { apiVersion: apiVersionOf(def), kind: def.kind }
}

/** The pipeline holds on to the object itself. */
function replaceContent(target: Record<string, unknown>, next: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(target)) if (!(key in next)) delete target[key]
  Object.assign(target, next)
}
