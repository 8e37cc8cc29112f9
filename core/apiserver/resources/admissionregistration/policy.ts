import { validatingAdmissionPolicies, validatingAdmissionPolicyBindings } from '../../../api/kinds.ts'
import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../../../api/types/admissionregistration-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { selectorText, UNSET } from '../table/cells.ts'
import { column, created, INTEGER, name, table } from '../table/table.ts'
import { defaultPolicy, defaultPolicyBinding } from './defaults.ts'
import { validatePolicy, validatePolicyBinding } from './validate-policies.ts'

function paramKind({ spec }: ValidatingAdmissionPolicy): string {
  const kind = spec.paramKind
  return kind === undefined ? UNSET : `${kind.apiVersion ?? ''}/${kind.kind ?? ''}`
}

export const validatingAdmissionPolicyDef: ResourceDef<ValidatingAdmissionPolicy> = defineResource(validatingAdmissionPolicies, {
  applyDefaults: defaultPolicy,
  validate: validatePolicy,
  allowUnconditionalUpdate: false,
  strategy: { status: 'controlled', generation: ['spec'] },
  table: table<ValidatingAdmissionPolicy>(
    name,
    column('Validations', ({ spec }) => spec.validations?.length ?? 0, INTEGER),
    column('ParamKind', paramKind),
    created,
  ),
})

function paramRef({ spec }: ValidatingAdmissionPolicyBinding): string {
  const ref = spec.paramRef
  if (ref === undefined) return UNSET
  if ((ref.name ?? '') !== '') return `${(ref.namespace ?? '') === '' ? '*' : (ref.namespace ?? '')}/${ref.name ?? ''}`
  return ref.selector === undefined ? UNSET : selectorText(ref.selector)
}

export const validatingAdmissionPolicyBindingDef: ResourceDef<ValidatingAdmissionPolicyBinding> = defineResource(
  validatingAdmissionPolicyBindings,
  {
    applyDefaults: defaultPolicyBinding,
    validate: validatePolicyBinding,
    allowUnconditionalUpdate: false,
    strategy: { generation: ['spec'] },
    table: table<ValidatingAdmissionPolicyBinding>(
      name,
      column('PolicyName', ({ spec }) => spec.policyName ?? ''),
      column('ParamRef', paramRef),
      created,
    ),
  },
)
