import { type FieldError, invalid } from '../../../meta/field-error.ts'

export type Level = 'privileged' | 'baseline' | 'restricted'

/** A level as one minor version of Kubernetes defined it. */
export interface Standard {
  readonly level: Level
  /** Minor version, or `latest`. */
  readonly version: number | 'latest'
}

export interface Policy {
  readonly enforce: Standard
  readonly audit: Standard
  readonly warn: Standard
}

const PREFIX = 'pod-security.kubernetes.io/'
const LEVELS: readonly Level[] = ['privileged', 'baseline', 'restricted']
const OPEN: Standard = { level: 'privileged', version: 'latest' }
const DEFAULT: Policy = { enforce: OPEN, audit: OPEN, warn: OPEN }

/**
 * What the labels of a namespace ask for, and what is wrong with them. Wrong labels enforce the strictest level and neither
 * audit nor warn. Source: pod-security-admission, api/helpers.go.
 */
export function policyOf(labels: Readonly<Record<string, string>> | undefined): {
  readonly policy: Policy
  readonly problems: readonly FieldError[]
} {
  if (labels === undefined) return { policy: DEFAULT, problems: [] }
  const problems: FieldError[] = []
  const enforce = readStandard(labels, 'enforce', problems)
  const isEnforceValid = labels[`${PREFIX}enforce`] !== undefined && LEVELS.includes(labels[`${PREFIX}enforce`] as Level)
  const audit = readStandard(labels, 'audit', problems)
  let warn = readStandard(labels, 'warn', problems)
  // NOTE: whoever enforces a level but says nothing of warnings is warned of it too, about templates for instance.
  if (labels[`${PREFIX}warn`] === undefined && isEnforceValid && isStricter(enforce.level, warn.level)) {
    warn = { level: enforce.level, version: labels[`${PREFIX}warn-version`] === undefined ? enforce.version : warn.version }
  }
  return { policy: { enforce, audit, warn }, problems }
}

export function isStricter(a: Level, b: Level): boolean {
  return LEVELS.indexOf(a) > LEVELS.indexOf(b)
}

/** `restricted:latest`, `baseline:v1.30`. */
export function showStandard({ level, version }: Standard): string {
  return `${level}:${version === 'latest' ? version : `v1.${version}`}`
}

export function isSameStandard(a: Standard, b: Standard): boolean {
  return a.level === b.level && a.version === b.version
}

function readStandard(labels: Readonly<Record<string, string>>, mode: keyof Policy, problems: FieldError[]): Standard {
  const [levelKey, versionKey] = [`${PREFIX}${mode}`, `${PREFIX}${mode}-version`]
  return {
    level: readLevel(labels[levelKey], mode, levelKey, problems),
    version: readVersion(labels[versionKey], versionKey, problems),
  }
}

function readLevel(value: string | undefined, mode: keyof Policy, key: string, problems: FieldError[]): Level {
  if (value === undefined) return 'privileged'
  const level = LEVELS.find((known) => known === value)
  if (level !== undefined) return level
  problems.push(invalid(`metadata.labels[${key}]`, value, `must be one of ${LEVELS.join(', ')}`))
  return mode === 'enforce' ? 'restricted' : 'privileged'
}

function readVersion(value: string | undefined, key: string, problems: FieldError[]): Standard['version'] {
  if (value === undefined || value === 'latest') return 'latest'
  const minor = /^v1\.(0|[1-9][0-9]*)$/.exec(value)?.[1]
  if (minor !== undefined) return Number(minor)
  problems.push(invalid(`metadata.labels[${key}]`, value, 'must be "latest" or "v1.x"'))
  return 'latest'
}
