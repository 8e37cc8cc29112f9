import type { FieldError } from '../../meta/field-error.ts'
import type { KubeObject } from '../../meta/object.ts'
import { invalidObject } from '../errors.ts'
import type { SubresourceDef } from '../resources/resource-def.ts'
import { metadataErrors, metadataUpdateErrors } from './metadata-rules.ts'
import type { WriteContext } from './write-context.ts'

/** Fifth step: every problem at once, as a StatusError Invalid with one cause each; then the kind's warnings. */
export function validateCreate(object: KubeObject, context: WriteContext): void {
  const { def } = context
  const errors = metadataErrors(def, object.metadata)
  const own = def.validate?.(object, undefined, context) ?? []
  reject(object, own.length === 0 ? errors : [...errors, ...own], context)
  for (const text of def.warnings?.(object, undefined) ?? []) context.warn(text)
}

/** Throws StatusError Invalid with every problem. */
export function validateUpdate(next: KubeObject, old: KubeObject, context: WriteContext, subresource?: SubresourceDef): void {
  const { def } = context
  const errors = metadataUpdateErrors(def, next, old)
  const validate = subresource?.type === 'object' ? subresource.validate : def.validate
  const own = validate?.(next, old, context) ?? []
  reject(next, own.length === 0 ? errors : [...errors, ...own], context)
  if (subresource === undefined) for (const text of def.warnings?.(next, old) ?? []) context.warn(text)
}

function reject(object: KubeObject, errors: readonly FieldError[], { def }: WriteContext): void {
  if (errors.length > 0) throw invalidObject(def, object.metadata.name, errors)
}
