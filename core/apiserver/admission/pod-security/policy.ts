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
/** What applies where nothing is said: nothing is forbidden. */
export const OPEN_POLICY: Policy = { enforce: OPEN, audit: OPEN, warn: OPEN }

/** A policy and what is wrong with the text it came from. */
export interface ReadPolicy {
  readonly policy: Policy
  readonly problems: readonly FieldError[]
}

/**
 * What the labels of a namespace ask for over the cluster's defaults. Wrong labels enforce the strictest level and neither
 * audit nor warn. Source: pod-security-admission, api/helpers.go.
 */
export function policyOf(labels: Readonly<Record<string, string>> | undefined, defaults: Policy = OPEN_POLICY): ReadPolicy {
  if (labels === undefined) return { policy: defaults, problems: [] }
  return readModes((key) => ({ value: labels[`${PREFIX}${key}`], field: `metadata.labels[${PREFIX}${key}]` }), defaults)
}

/** The same from a plain record with keys such as `enforce` and `enforce-version`. */
export function readPolicy(settings: Readonly<Record<string, string>>): ReadPolicy {
  return readModes((key) => ({ value: settings[key], field: key }), OPEN_POLICY)
}

type Source = (key: string) => { readonly value: string | undefined; readonly field: string }

function readModes(source: Source, defaults: Policy): ReadPolicy {
  const problems: FieldError[] = []
  const read = (mode: keyof Policy): Standard => ({
    level: readLevel(source(mode), mode, defaults, problems),
    version: readVersion(source(`${mode}-version`), defaults[mode].version, problems),
  })
  const [enforce, audit] = [read('enforce'), read('audit')]
  let warn = read('warn')
  const isEnforceValid = LEVELS.some((level) => level === source('enforce').value)
  // NOTE: whoever enforces a level but says nothing of warnings is warned of it too, about templates for instance.
  if (source('warn').value === undefined && isEnforceValid && isStricter(enforce.level, warn.level)) {
    warn = { level: enforce.level, version: source('warn-version').value === undefined ? enforce.version : warn.version }
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

function readLevel({ value, field }: ReturnType<Source>, mode: keyof Policy, defaults: Policy, problems: FieldError[]): Level {
  if (value === undefined) return defaults[mode].level
  const level = LEVELS.find((known) => known === value)
  if (level !== undefined) return level
  problems.push(invalid(field, value, `must be one of ${LEVELS.join(', ')}`))
  return mode === 'enforce' ? 'restricted' : 'privileged'
}

function readVersion({ value, field }: ReturnType<Source>, otherwise: Standard['version'], problems: FieldError[]): Standard['version'] {
  if (value === undefined) return otherwise
  if (value === 'latest') return value
  const minor = /^v1\.(0|[1-9][0-9]*)$/.exec(value)?.[1]
  if (minor !== undefined) return Number(minor)
  problems.push(invalid(field, value, 'must be "latest" or "v1.x"'))
  return 'latest'
}
