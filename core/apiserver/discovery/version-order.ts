/**
 * Order of API versions, best first: GA before beta before alpha, then higher numbers; other names come last, by alphabet.
 * Source: Kubernetes documentation, "Version priority" of custom resources.
 */
export function compareVersions(a: string, b: string): number {
  const left = parse(a)
  const right = parse(b)
  if (left === undefined || right === undefined) {
    if (left !== undefined) return -1
    if (right !== undefined) return 1
    return a < b ? -1 : a > b ? 1 : 0
  }
  return right.stage - left.stage || right.major - left.major || right.minor - left.minor
}

const STAGES: Readonly<Record<string, number>> = { alpha: 0, beta: 1 }

function parse(version: string): { readonly stage: number; readonly major: number; readonly minor: number } | undefined {
  const match = /^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$/.exec(version)
  if (match === null) return undefined
  const [, major, stage, minor] = match
  return { stage: stage === undefined ? 2 : (STAGES[stage] ?? 0), major: Number(major), minor: Number(minor ?? 0) }
}
