import type { Toleration } from '../../core/api/types/core-v1.ts'

const OPERATORS: readonly unknown[] = ['Exists', 'Equal', 'Lt', 'Gt', undefined]
const EFFECTS: readonly unknown[] = ['NoSchedule', 'PreferNoSchedule', 'NoExecute', undefined]

/** The list inside a parsed annotation. Throws an Error that says which entry is wrong; the API server checks the rest. */
export function readTolerations(value: unknown): readonly Toleration[] {
  if (!Array.isArray(value)) throw new Error('must be a list of tolerations')
  return value.map((entry: unknown, index) => {
    const problem = problemOf(entry)
    if (problem !== undefined) throw new Error(`[${String(index)}]: ${problem}`)
    return entry as Toleration
  })
}

function problemOf(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return 'must be a toleration'
  const checks = checksOf(entry as Readonly<Record<string, unknown>>)
  return checks.find(([isRight]) => !isRight)?.[1]
}

function checksOf(entry: Readonly<Record<string, unknown>>): readonly (readonly [isRight: boolean, problem: string])[] {
  const { key = '', operator, value = '', effect, tolerationSeconds = 0 } = entry
  const isExists = operator === 'Exists'
  return [
    [typeof key === 'string', 'key must be a string'],
    [typeof value === 'string', 'value must be a string'],
    [OPERATORS.includes(operator), 'operator must be Exists or Equal'],
    [EFFECTS.includes(effect), 'effect must be NoSchedule, PreferNoSchedule or NoExecute'],
    [key !== '' || isExists, 'operator must be Exists when key is empty'],
    [value === '' || !isExists, 'value must be empty when operator is Exists'],
    [Number.isInteger(tolerationSeconds), 'tolerationSeconds must be an integer'],
  ]
}
