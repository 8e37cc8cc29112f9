/** What is wrong with an expression, and where. Never leaves this folder: `compile` answers its text. */
export class Issue extends Error {
  override readonly name = 'Issue'
  readonly at: number

  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

/** The problem as CEL's compilers print it: place, line and a mark under the character. */
export function describeIssue(source: string, { at, message }: Issue): string {
  const before = source.slice(0, at).split('\n')
  const column = Array.from(before.at(-1) ?? '').length
  const line = source.split('\n')[before.length - 1] ?? ''
  return `ERROR: <input>:${before.length}:${column + 1}: ${message}\n | ${line}\n | ${'.'.repeat(column)}^`
}

/** An evaluation without a value: its text is what Kubernetes shows. `&&` and `||` may still decide without it. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError'
}

/** The expression did more work than it may. Nothing inside the expression can swallow this. */
export class CostError extends Error {
  override readonly name = 'CostError'
  constructor() {
    super('operation cancelled: actual cost limit exceeded')
  }
}
