import type { Toleration } from '../../../../api/types/core-v1.ts'
import { invalid } from '../../../../meta/field-error.ts'
import { labelValueProblems } from '../../../../meta/names.ts'
import { checkEnum, type Problems } from '../../validation/common.ts'
import { checkLabelName } from '../../validation/labels.ts'

export const TAINT_EFFECTS: readonly string[] = ['NoExecute', 'NoSchedule', 'PreferNoSchedule']

/** Also the tolerations of a RuntimeClass. */
export function checkTolerations(tolerations: readonly Toleration[], path: string, problems: Problems): void {
  for (let i = 0; i < tolerations.length; i++) {
    const toleration = tolerations[i]
    if (toleration !== undefined) checkToleration(toleration, `${path}[${i}]`, problems)
  }
}

function checkToleration(toleration: Toleration, path: string, problems: Problems): void {
  const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration
  if (key !== '') checkLabelName(key, `${path}.key`, problems)
  else if (operator !== 'Exists')
    problems.push(
      invalid(`${path}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'),
    )
  if (tolerationSeconds !== undefined && effect !== 'NoExecute')
    problems.push(invalid(`${path}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"))
  if (operator === 'Exists') {
    if (value !== '') problems.push(invalid(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"))
  } else if (operator === 'Equal' || operator === '') {
    const found = labelValueProblems(value)
    if (found.length > 0) problems.push(invalid(`${path}.operator`, value, found.join(';')))
  } else checkEnum(operator, `${path}.operator`, ['Equal', 'Exists'], problems)
  if (effect !== '') checkEnum(effect, `${path}.effect`, TAINT_EFFECTS, problems)
}
