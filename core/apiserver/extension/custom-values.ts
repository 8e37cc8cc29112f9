import type { CustomResourceDefinitionVersion } from '../../api/types/apiextensions-v1.ts'
import { type FieldError, invalid } from '../../meta/field-error.ts'
import type { KubeObject } from '../../meta/object.ts'
import type { ObjectSchema } from '../../meta/schema.ts'
import { compileJsonPath } from './json-path.ts'
import { compileDefaults, type Defaulter } from './schema/defaults.ts'
import { embeddedRule } from './schema/embedded.ts'
import type { JsonSchema } from './schema/json-schema.ts'
import { compileRules } from './schema/rules.ts'
import { toObjectSchema } from './schema/to-schema.ts'
import { compileValidator } from './schema/validator.ts'

export type Validate = (next: KubeObject, old: KubeObject | undefined) => readonly FieldError[]

/** What one version says about values. Each part is compiled when it is first needed: large schemas cost milliseconds. */
export interface CustomValues {
  readonly schema: () => ObjectSchema
  readonly applyDefaults: Defaulter
  readonly validate: Validate
}

/** Pruning, defaults and validation by one version's schema, compiled when first needed. */
export function customValues(version: CustomResourceDefinitionVersion): CustomValues {
  const raw = version.schema?.openAPIV3Schema
  const defaults = lazy(() => (raw === undefined ? undefined : compileDefaults(withoutMetadata(raw))))
  const rules = lazy(() => valueRules(raw, version))
  return {
    schema: lazy(() => toObjectSchema(raw)),
    applyDefaults: (object) => defaults()?.(object),
    validate: (next, old) => rules()(next, old),
  }
}

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/** The schema may restrict the name; metadata has its own defaults. */
function withoutMetadata(schema: JsonSchema): JsonSchema {
  const properties = Object.entries(schema.properties ?? {}).filter(([name]) => name !== 'metadata')
  return { ...schema, type: 'object', properties: Object.fromEntries(properties) }
}

function valueRules(schema: JsonSchema | undefined, version: CustomResourceDefinitionVersion): Validate {
  if (schema === undefined) return () => []
  const validate = compileValidator({ ...schema, type: 'object' })
  const embedded = embeddedRule(schema)
  const rules = compileRules({ ...schema, type: 'object' })
  const scale = version.subresources?.scale
  const replicas =
    scale === undefined ? [] : [scale.specReplicasPath, scale.statusReplicasPath].map((path) => ({ path, find: compileJsonPath(path) }))
  return (next, old) => {
    const errors = validate(next, old)
    embedded?.(next, '', errors)
    if (rules !== undefined) errors.push(...(errors.some(isBlocking) ? [UNCHECKED] : rules(next, old)))
    for (const { path, find } of replicas) errors.push(...replicaErrors(find(next)[0], path))
    return errors
  }
}

const BLOCKING: ReadonlySet<FieldError['reason']> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
])

/** Values of the wrong form would only make rules fail in ways that explain nothing. */
function isBlocking({ reason }: FieldError): boolean {
  return BLOCKING.has(reason)
}

const UNCHECKED: FieldError = {
  reason: 'FieldValueInvalid',
  field: '<nil>',
  message:
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
}

const MAX_INT32 = 2 ** 31 - 1

/** What Scale shows must be a count, whatever the schema says. */
function replicaErrors(value: unknown, path: string): readonly FieldError[] {
  if (value === undefined) return []
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    const type = typeof value === 'number' ? 'float64' : typeof value
    const shown = typeof value === 'string' ? value : JSON.stringify(value)
    return [invalid(path, 0, `${path} accessor error: ${shown} is of the type ${type}, expected int64`)]
  }
  if (value < 0) return [invalid(path, value, 'should be a non-negative integer')]
  return value > MAX_INT32 ? [invalid(path, value, `should be less than or equal to ${MAX_INT32}`)] : []
}
