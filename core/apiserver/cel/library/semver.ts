import { EvaluationError } from '../issue.ts'
import { global, method, type Overload } from '../overload.ts'
import { BOOL, INT, opaque, STRING } from '../types.ts'
import { Opaque } from '../values.ts'

const NUMBER = '(0|[1-9]\\d*)'
const SHAPE = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?(?:\\+([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?$`,
)

class Semver extends Opaque {
  override readonly type = 'kubernetes.Semver'
  readonly parts: readonly [bigint, bigint, bigint]
  readonly prerelease: readonly string[]
  override readonly size: number
  constructor(parts: readonly [bigint, bigint, bigint], prerelease: readonly string[], size: number) {
    super()
    this.size = size
    this.parts = parts
    this.prerelease = prerelease
  }
  override same(other: Opaque): boolean {
    return other instanceof Semver && compareVersions(this, other) === 0
  }
}

function parse(text: string): Semver | undefined {
  const [, major, minor, patch, prerelease = ''] = SHAPE.exec(text) ?? []
  if (major === undefined || minor === undefined || patch === undefined) return undefined
  const tags = prerelease === '' ? [] : prerelease.split('.')
  if (tags.some((tag) => /^0\d+$/.test(tag))) return undefined
  return new Semver([BigInt(major), BigInt(minor), BigInt(patch)], tags, text.length)
}

/** Lets a leading `v`, missing minor and patch numbers and leading zeros pass. */
function normalized(text: string): string {
  const [, core = '', rest = ''] = /^v?([0-9.]*)(.*)$/.exec(text) ?? []
  const parts = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''))
  return [...parts, '0', '0'].slice(0, Math.max(3, parts.length)).join('.') + rest
}

function compareVersions(a: Semver, b: Semver): number {
  for (const index of [0, 1, 2] as const) if (a.parts[index] !== b.parts[index]) return a.parts[index] < b.parts[index] ? -1 : 1
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return Math.sign(b.prerelease.length - a.prerelease.length)
  for (let index = 0; index < Math.max(a.prerelease.length, b.prerelease.length); index++) {
    const order = compareTags(a.prerelease[index], b.prerelease[index])
    if (order !== 0) return order
  }
  return 0
}

/** Numbers come before words, and fewer tags before more. */
function compareTags(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1
  if (isNumberA) return Math.sign(Number(BigInt(a) - BigInt(b)))
  return a === b ? 0 : a < b ? -1 : 1
}

function orFail(version: Semver | undefined, text: string): Semver {
  if (version === undefined) throw new EvaluationError(`invalid semantic version ${JSON.stringify(text)}`)
  return version
}

const SEMVER_TYPE = opaque<Semver>('kubernetes.Semver')

/** Semantic versions. Source: apiserver, cel/library/semverlib. */
export const SEMVER: readonly Overload[] = [
  global('semver', [STRING], SEMVER_TYPE, (text) => orFail(parse(text), text)),
  global('semver', [STRING, BOOL], SEMVER_TYPE, (text, loose) => orFail(parse(loose ? normalized(text) : text), text)),
  global('isSemver', [STRING], BOOL, (text) => parse(text) !== undefined),
  global('isSemver', [STRING, BOOL], BOOL, (text, loose) => parse(loose ? normalized(text) : text) !== undefined),
  method('major', [SEMVER_TYPE], INT, ({ parts }) => parts[0]),
  method('minor', [SEMVER_TYPE], INT, ({ parts }) => parts[1]),
  method('patch', [SEMVER_TYPE], INT, ({ parts }) => parts[2]),
  method('isGreaterThan', [SEMVER_TYPE, SEMVER_TYPE], BOOL, (a, b) => compareVersions(a, b) > 0),
  method('isLessThan', [SEMVER_TYPE, SEMVER_TYPE], BOOL, (a, b) => compareVersions(a, b) < 0),
  method('compareTo', [SEMVER_TYPE, SEMVER_TYPE], INT, (a, b) => BigInt(compareVersions(a, b))),
]
