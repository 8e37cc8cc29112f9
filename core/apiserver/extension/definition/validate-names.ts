import type { CustomResourceDefinition } from '../../../api/types/apiextensions-v1.ts'
import { type FieldError, invalid, required } from '../../../meta/field-error.ts'
import { dns1035LabelProblems, dns1123SubdomainProblems } from '../../../meta/names.ts'

/** Group, name and names of a definition. Source: shared validation facts, CustomResourceDefinitionSpec and -Names. */
export function nameErrors({ metadata, spec }: CustomResourceDefinition): readonly FieldError[] {
  const expected = `${spec.names.plural}.${spec.group}`
  const own = metadata.name === expected ? [] : [invalid('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group')]
  return [...own, ...groupErrors(spec.group), ...namesErrors(spec.names)]
}

function groupErrors(group: string): readonly FieldError[] {
  if (group === '') return [required('spec.group')]
  const problems = dns1123SubdomainProblems(group)
  if (problems.length > 0) return [invalid('spec.group', group, problems.join(','))]
  return group.includes('.') ? [] : [invalid('spec.group', group, 'should be a domain with at least one dot')]
}

function namesErrors(names: CustomResourceDefinition['spec']['names']): readonly FieldError[] {
  const { plural, singular = '', kind, listKind = '', shortNames = [], categories = [] } = names
  const fields = { plural, singular, kind, listKind }
  const errors = Object.entries(fields).flatMap(([field, value]) => (value === '' ? [required(`spec.names.${field}`)] : []))
  errors.push(...label('spec.names.plural', plural), ...label('spec.names.singular', singular))
  errors.push(...mixedCase('spec.names.kind', kind), ...mixedCase('spec.names.listKind', listKind))
  shortNames.forEach((name, index) => errors.push(...label(`spec.names.shortNames[${index}]`, name)))
  if (kind !== '' && kind === listKind) errors.push(invalid('spec.names.listKind', listKind, 'kind and listKind may not be the same'))
  categories.forEach((name, index) => errors.push(...label(`spec.names.categories[${index}]`, name)))
  return errors
}

function label(field: string, value: string): readonly FieldError[] {
  const problems = value === '' ? [] : dns1035LabelProblems(value)
  return problems.length === 0 ? [] : [invalid(field, value, problems.join(','))]
}

function mixedCase(field: string, value: string): readonly FieldError[] {
  const problems = value === '' ? [] : dns1035LabelProblems(value.toLowerCase())
  return problems.length === 0 ? [] : [invalid(field, value, `may have mixed case, but should otherwise match: ${problems.join(',')}`)]
}
