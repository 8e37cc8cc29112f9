import type { Namespace } from '../../../api/types/core-v1.ts'
import { type FieldError, invalid } from '../../../meta/field-error.ts'
import { qualifiedNameProblems } from '../../../meta/names.ts'
import { checkFormat, type Problems } from '../validation/common.ts'

const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

/** Source: shared validation facts, core/v1 Namespace. */
export function validateNamespace({ spec }: Namespace): readonly FieldError[] {
  const problems: Problems = []
  spec.finalizers?.forEach((finalizer, i) => {
    const at = `spec.finalizers[${i}]`
    const before = problems.length
    checkFormat(finalizer, at, qualifiedNameProblems, problems)
    if (problems.length === before && !finalizer.includes('/') && !STANDARD_FINALIZERS.has(finalizer))
      problems.push(invalid(at, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'))
  })
  return problems
}

/** Phase and deletion say the same. */
export function validateNamespaceStatus({ metadata, status }: Namespace): readonly FieldError[] {
  const deleting = metadata.deletionTimestamp !== undefined
  if (!deleting && status.phase !== 'Active')
    return [invalid('status.Phase', status.phase ?? '', "may only be 'Active' if `deletionTimestamp` is empty")]
  if (deleting && status.phase !== 'Terminating')
    return [invalid('status.Phase', status.phase ?? '', "may only be 'Terminating' if `deletionTimestamp` is not empty")]
  return []
}
