import type {
  AuditAnnotation,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicySpec,
  Validation,
  Variable,
} from '../../../api/types/admissionregistration-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../../../meta/field-error.ts'
import { dns1035LabelProblems, dns1123SubdomainProblems, qualifiedNameProblems } from '../../../meta/names.ts'
import { policyProblems } from '../../admission/policy/compiled.ts'
import { checkEnum, checkFormat, checkRequired, checkRequiredEnum, type Problems } from '../validation/common.ts'
import { checkLabelSelector } from '../validation/labels.ts'
import { checkMatchConditions, checkMatchResources, FAILURE_POLICIES } from './validate-rules.ts'

const MAX_ANNOTATIONS = 20
const MAX_VALUE_EXPRESSION = 5 * 1024
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized']
const ACTIONS = ['Audit', 'Deny', 'Warn']
const CEL_RESERVED = new Set([
  ...['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let'],
  ...['loop', 'package', 'namespace', 'return', 'var', 'void', 'while'],
])

/** Source: shared validation facts, admissionregistration/ValidatingAdmissionPolicySpec. */
export function validatePolicy(
  { metadata, spec }: ValidatingAdmissionPolicy,
  old: ValidatingAdmissionPolicy | undefined,
): readonly FieldError[] {
  const problems: Problems = []
  checkRequiredEnum(spec.failurePolicy, 'spec.failurePolicy', FAILURE_POLICIES, problems)
  if (spec.paramKind !== undefined) checkParamKind(spec.paramKind, 'spec.paramKind', problems)
  if (spec.matchConstraints === undefined) problems.push(required('spec.matchConstraints'))
  else {
    checkMatchResources(spec.matchConstraints, 'spec.matchConstraints', problems)
    if ((spec.matchConstraints.resourceRules?.length ?? 0) === 0) problems.push(required('spec.matchConstraints.resourceRules'))
  }
  if (spec.matchConditions !== undefined) checkMatchConditions(spec.matchConditions, 'spec.matchConditions', problems)
  spec.variables?.forEach((variable, i) => {
    checkVariable(variable, `spec.variables[${i}]`, problems)
  })
  checkDecisions(spec, problems)
  checkAnnotations(spec.auditAnnotations ?? [], metadata.name, problems)
  // What was accepted once stays, so that other changes remain possible.
  if (old === undefined || !deepEqual(spec, old.spec))
    for (const { field, expression, problem } of policyProblems(spec)) problems.push(invalid(field, expression, problem))
  return problems
}

function checkDecisions({ validations = [], auditAnnotations = [] }: ValidatingAdmissionPolicySpec, problems: Problems): void {
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const text = 'validations or auditAnnotations must contain at least one item'
    problems.push(required('spec.validations', text), required('spec.auditAnnotations', text))
  }
  validations.forEach((validation, i) => {
    checkValidation(validation, `spec.validations[${i}]`, problems)
  })
}

function checkParamKind({ apiVersion = '', kind = '' }: ParamKind, path: string, problems: Problems): void {
  const parts = apiVersion.split('/')
  const version = parts.at(-1) ?? ''
  if (apiVersion === '') problems.push(required(`${path}.apiVersion`))
  else if (parts.length > 2) problems.push(invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`))
  else {
    if (parts.length === 2) checkFormat(parts[0] ?? '', `${path}.apiVersion`, dns1123SubdomainProblems, problems)
    if (version === '') problems.push(invalid(`${path}.apiVersion`, apiVersion, 'version must be specified'))
    else checkFormat(version, `${path}.apiVersion`, dns1035LabelProblems, problems)
  }
  if (kind === '') problems.push(required(`${path}.kind`))
  else
    for (const text of dns1035LabelProblems(kind.toLowerCase()))
      problems.push(invalid(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${text}`))
}

function checkVariable({ name, expression }: Variable, path: string, problems: Problems): void {
  if (name.trim() === '') problems.push(required(`${path}.name`, 'name is not specified'))
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) || CEL_RESERVED.has(name))
    problems.push(invalid(`${path}.name`, name, 'must be a valid CEL identifier'))
  checkRequired(expression.trim(), `${path}.expression`, problems, 'expression is not specified')
}

function checkValidation({ expression, message, messageExpression, reason }: Validation, path: string, problems: Problems): void {
  const text = expression.trim()
  checkRequired(text, `${path}.expression`, problems, 'expression is not specified')
  if (messageExpression !== undefined && messageExpression.trim() === '')
    problems.push(invalid(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified'))
  if (message !== undefined && message.trim() === '') problems.push(invalid(`${path}.message`, message, 'must be non-empty if specified'))
  else if (message?.trim().includes('\n') === true) problems.push(invalid(`${path}.message`, message, 'must not contain line breaks'))
  else if (text.includes('\n') && (message ?? '').trim() === '')
    problems.push(required(`${path}.message`, 'message must be specified if expression contains line breaks'))
  checkEnum(reason, `${path}.reason`, REASONS, problems)
}

function checkAnnotations(annotations: readonly AuditAnnotation[], policy: string, problems: Problems): void {
  const path = 'spec.auditAnnotations'
  if (annotations.length > MAX_ANNOTATIONS)
    problems.push(invalid(path, annotations, `must not have more than ${MAX_ANNOTATIONS} auditAnnotations`))
  annotations.forEach(({ key, valueExpression }, i) => {
    const at = `${path}[${i}]`
    if (policy === '') problems.push(invalid(`${at}.key`, key, 'requires metadata.name be non-empty'))
    else for (const text of qualifiedNameProblems(`${policy}/${key}`)) problems.push(invalid(`${at}.key`, key, text))
    checkRequired(valueExpression.trim(), `${at}.valueExpression`, problems, 'valueExpression is not specified')
    if (valueExpression.length > MAX_VALUE_EXPRESSION)
      problems.push(required(`${at}.valueExpression`, `must not exceed ${MAX_VALUE_EXPRESSION} bytes in length`))
    if (annotations.findIndex((other) => other.key === key) < i) problems.push(duplicate(`${at}.key`, key))
  })
}

/** Source: shared validation facts, admissionregistration/ValidatingAdmissionPolicyBindingSpec. */
export function validatePolicyBinding({ spec }: ValidatingAdmissionPolicyBinding): readonly FieldError[] {
  const problems: Problems = []
  const { policyName = '', validationActions: actions = [] } = spec
  if (policyName === '') problems.push(required('spec.policyName'))
  else checkFormat(policyName, 'spec.policyName', dns1123SubdomainProblems, problems)
  if (spec.paramRef !== undefined) checkParamRef(spec.paramRef, 'spec.paramRef', problems)
  if (spec.matchResources !== undefined) checkMatchResources(spec.matchResources, 'spec.matchResources', problems)
  if (actions.length === 0) problems.push(required('spec.validationActions', 'at least one validation action is required'))
  actions.forEach((action, i) => {
    const at = `spec.validationActions[${i}]`
    if (!ACTIONS.includes(action)) problems.push(notSupported(at, action, ACTIONS))
    if (actions.indexOf(action) < i) problems.push(duplicate(at, action))
  })
  if (actions.includes('Deny') && actions.includes('Warn'))
    problems.push(
      invalid(
        'spec.validationActions',
        actions,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    )
  return problems
}

function checkParamRef({ name = '', selector, parameterNotFoundAction: action }: ParamRef, path: string, problems: Problems): void {
  if (name !== '') {
    checkFormat(name, `${path}.name`, dns1123SubdomainProblems, problems)
    if (selector !== undefined) {
      const text = 'name and selector are mutually exclusive'
      problems.push(forbidden(`${path}.name`, text), forbidden(`${path}.selector`, text))
    }
  } else if (selector === undefined) problems.push(required(path, 'one of name or selector must be specified'))
  else checkLabelSelector(selector, `${path}.selector`, problems)
  checkRequiredEnum(action, `${path}.parameterNotFoundAction`, ['Allow', 'Deny'], problems)
}
