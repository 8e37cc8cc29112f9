import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import { type FieldError, invalid, required } from '../../../meta/field-error.ts'
import { dns1035LabelProblems, dns1123SubdomainProblems } from '../../../meta/names.ts'

/** Every problem of an APIService. Source: shared validation facts, apiregistration. */
export function apiServiceErrors({ metadata, spec }: APIService): readonly FieldError[] {
  const { group = '', version = '' } = spec
  const expected = `${version}.${group}`
  const errors: FieldError[] = []
  if (metadata.name !== expected)
    errors.push(invalid('metadata.name', metadata.name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(expected)}`))
  if (group === '') {
    if (version !== 'v1') errors.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'))
  } else for (const problem of dns1123SubdomainProblems(group)) errors.push(invalid('spec.group', group, problem))
  for (const problem of dns1035LabelProblems(version)) errors.push(invalid('spec.version', version, problem))
  errors.push(...priorityErrors(spec))
  return [...errors, ...(spec.service === undefined ? localErrors(spec) : remoteErrors(spec, spec.service))]
}

function priorityErrors({ groupPriorityMinimum, versionPriority }: APIService['spec']): readonly FieldError[] {
  const errors: FieldError[] = []
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20_000)
    errors.push(invalid('spec.groupPriorityMinimum', groupPriorityMinimum, 'must be positive and less than 20000'))
  if (versionPriority <= 0 || versionPriority > 1000)
    errors.push(invalid('spec.versionPriority', versionPriority, 'must be positive and less than 1000'))
  return errors
}

function localErrors({ caBundle = '', insecureSkipTLSVerify }: APIService['spec']): readonly FieldError[] {
  const errors: FieldError[] = []
  if (caBundle !== '')
    errors.push(invalid('spec.caBundle', `${Buffer.byteLength(caBundle, 'base64')} bytes`, 'local APIServices may not have a caBundle'))
  if (insecureSkipTLSVerify === true)
    errors.push(invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'))
  return errors
}

function remoteErrors(spec: APIService['spec'], service: NonNullable<APIService['spec']['service']>): readonly FieldError[] {
  const { namespace = '', name = '', port = 443 } = service
  const errors: FieldError[] = []
  if (namespace === '') errors.push(required('spec.service.namespace'))
  if (name === '') errors.push(required('spec.service.name'))
  if (port < 1 || port > 65535) errors.push(invalid('spec.service.port', port, 'port is not valid: must be between 1 and 65535, inclusive'))
  if (spec.insecureSkipTLSVerify === true && (spec.caBundle ?? '') !== '')
    errors.push(invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'))
  return errors
}
