import type { ValidationRule } from '../../../api/types/apiextensions-v1.ts'
import { type FieldError, forbidden, invalid, notSupported, required } from '../../../meta/field-error.ts'
import type { Shape } from '../../cel/json.ts'
import { shapeOf } from '../schema/cel-shape.ts'
import { additionalOf, itemsOf, type JsonSchema } from '../schema/json-schema.ts'
import { rulePathProblem } from '../schema/rule-path.ts'
import { compileMessage, compileRule } from '../schema/rules.ts'

const REASONS = ['FieldValueRequired', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueDuplicate']

interface Place {
  readonly path: string
  readonly isResource: boolean
  /** The nearest list above whose items have no past, since nothing says which is which. */
  readonly uncorrelated: string | undefined
}

/** The rules (x-kubernetes-validations) of a schema and all below it. Source: apiextensions, ValidateCustomResourceDefinitionOpenAPISchema. */
export function ruleErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  return nodeErrors(schema, { path, isResource: true, uncorrelated: undefined })
}

function nodeErrors(schema: JsonSchema, place: Place): readonly FieldError[] {
  return [...ownErrors(schema, place), ...childErrors(schema, place)]
}

function childErrors(schema: JsonSchema, { path, uncorrelated }: Place): readonly FieldError[] {
  const errors: FieldError[] = []
  const visit = (child: JsonSchema, at: string, lost = uncorrelated): void =>
    void errors.push(...nodeErrors(child, { path: at, isResource: false, uncorrelated: lost }))
  for (const [name, property] of Object.entries(schema.properties ?? {})) visit(property, `${path}.properties[${name}]`)
  const additional = additionalOf(schema)
  if (additional !== undefined && additional !== true) visit(additional, `${path}.additionalProperties`)
  const items = itemsOf(schema)
  if (items !== undefined) visit(items, `${path}.items`, uncorrelated ?? (schema['x-kubernetes-list-type'] === 'map' ? undefined : path))
  return errors
}

function ownErrors(schema: JsonSchema, place: Place): readonly FieldError[] {
  const rules = schema['x-kubernetes-validations'] ?? []
  const shape = rules.length === 0 ? undefined : shapeOf(schema, place.isResource)
  return rules.flatMap((rule, index) => {
    const at = `${place.path}.x-kubernetes-validations[${index}]`
    return [
      ...formErrors(rule, schema, at),
      ...(shape === undefined ? [] : compileErrors(rule, { shape, at, uncorrelated: place.uncorrelated })),
    ]
  })
}

function formErrors(rule: ValidationRule, schema: JsonSchema, at: string): readonly FieldError[] {
  const errors: FieldError[] = []
  const { message, messageExpression = '', fieldPath, reason } = rule
  if (rule.rule.trim() === '') errors.push(required(`${at}.rule`, 'rule is not specified'))
  if (message !== undefined && message.trim() === '') errors.push(invalid(`${at}.message`, message, 'must be non-empty if specified'))
  else if (message?.includes('\n') === true) errors.push(invalid(`${at}.message`, message, 'must not contain line breaks'))
  if (rule.rule.trim().includes('\n') && (message ?? '') === '' && messageExpression === '')
    errors.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'))
  if (rule.messageExpression !== undefined && messageExpression.trim() === '')
    errors.push(required(`${at}.messageExpression`, 'must be non-empty if specified'))
  if (reason !== undefined && !REASONS.includes(reason)) errors.push(notSupported(`${at}.reason`, reason, REASONS))
  if (fieldPath !== undefined) errors.push(...fieldPathErrors(fieldPath, schema, `${at}.fieldPath`))
  return errors
}

function fieldPathErrors(fieldPath: string, schema: JsonSchema, at: string): readonly FieldError[] {
  if (fieldPath.trim() === '') return [invalid(at, fieldPath, 'must be non-empty if specified')]
  if (fieldPath.includes('\n')) return [invalid(at, fieldPath, 'must not contain line breaks')]
  const problem = rulePathProblem(fieldPath, schema)
  return problem === undefined ? [] : [invalid(at, fieldPath, problem)]
}

interface RulePlace {
  readonly shape: Shape
  readonly at: string
  readonly uncorrelated: string | undefined
}

function compileErrors(rule: ValidationRule, { shape, at, uncorrelated }: RulePlace): readonly FieldError[] {
  if (rule.rule.trim() === '') return []
  const compiled = compileRule(rule, shape)
  if ('problem' in compiled) return [invalid(`${at}.rule`, rule, compiled.problem)]
  const errors: FieldError[] = []
  const isTransition = compiled.program.uses.has('oldSelf')
  if (isTransition && uncorrelated !== undefined)
    errors.push(invalid(`${at}.rule`, rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`))
  if (rule.optionalOldSelf !== undefined && !isTransition)
    errors.push(invalid(`${at}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'))
  const message = compileMessage(rule, shape)
  if (message !== undefined && 'problem' in message) errors.push(invalid(`${at}.messageExpression`, rule, message.problem))
  return errors
}

/** Rules belong to the schema itself, not to what combinations add to it. */
export function misplacedRules(part: JsonSchema, path: string): readonly FieldError[] {
  return (part['x-kubernetes-validations'] ?? []).length === 0
    ? []
    : [forbidden(`${path}.x-kubernetes-validations`, 'must be empty to be structural')]
}
