import type { StatusError } from '../../meta/status-error.ts'
import { forbidden } from '../errors.ts'
import type { AdmissionAttributes } from './admission.ts'

/** A plugin's refusal: `pods "web" is forbidden: TEXT`. Source: apiserver, pkg/admission/errors.go. */
export function denied(attributes: AdmissionAttributes, text: string): StatusError {
  return forbidden(attributes.def, attributes.name === '' ? 'Unknown' : attributes.name, text)
}

/** Several problems as Go prints an aggregate: alone, or in brackets. */
export function joinProblems(problems: readonly string[]): string {
  const unique = [...new Set(problems)]
  return unique.length === 1 ? (unique[0] ?? '') : `[${unique.join(', ')}]`
}
