import { BASELINE_CHECKS } from './baseline.ts'
import type { Check, CheckPod, CheckVersion, PodLike, Violation } from './check.ts'
import type { Standard } from './policy.ts'
import { RESTRICTED_CHECKS } from './restricted.ts'

/** The newest version whose rules are known here: that of the API served. */
const NEWEST = 35

const prepared = new Map<string, readonly CheckPod[]>()

/** Every violation, in the order in which Kubernetes lists them. */
export function violationsOf(standard: Standard, pod: PodLike): readonly Violation[] {
  return checksFor(standard).flatMap((run) => run(pod) ?? [])
}

/** `privileged (container "a" must not set …), hostPort (…)` */
export function describeViolations(violations: readonly Violation[]): string {
  return violations.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ')
}

function checksFor({ level, version }: Standard): readonly CheckPod[] {
  if (level === 'privileged') return []
  const minor = version === 'latest' ? NEWEST : Math.min(version, NEWEST)
  const key = `${level}:${minor}`
  let checks = prepared.get(key)
  if (checks === undefined) {
    checks = select(level, minor)
    prepared.set(key, checks)
  }
  return checks
}

function select(level: 'baseline' | 'restricted', minor: number): readonly CheckPod[] {
  const restricted = level === 'restricted' ? RESTRICTED_CHECKS.flatMap((check) => versionFor(check, minor) ?? []) : []
  const overridden = new Set(restricted.flatMap((version) => version.overrides ?? []))
  const baseline = BASELINE_CHECKS.filter(({ id }) => !overridden.has(id)).flatMap((check) => versionFor(check, minor) ?? [])
  return [...baseline, ...restricted].map(({ run }) => run)
}

function versionFor({ versions }: Check, minor: number): CheckVersion | undefined {
  return versions.findLast(({ since }) => since <= minor)
}
