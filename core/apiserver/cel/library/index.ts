import type { Overload } from '../overload.ts'
import { ARITHMETIC } from './arithmetic.ts'
import { CONVERSIONS } from './conversions.ts'
import { FORMATS } from './formats.ts'
import { LISTS } from './lists.ts'
import { NETWORK } from './network.ts'
import { OPTIONALS } from './optionals.ts'
import { QUANTITIES } from './quantity.ts'
import { REGULAR_EXPRESSIONS } from './regex.ts'
import { SEMVER } from './semver.ts'
import { SETS } from './sets.ts'
import { STRINGS } from './strings.ts'
import { TIME } from './time.ts'
import { URLS } from './url.ts'

/** What every expression in Kubernetes may call. Source: Kubernetes documentation, "Common Expression Language in Kubernetes". */
export const STANDARD: readonly Overload[] = [
  ...ARITHMETIC,
  ...CONVERSIONS,
  ...STRINGS,
  ...LISTS,
  ...OPTIONALS,
  ...SETS,
  ...TIME,
  ...REGULAR_EXPRESSIONS,
  ...URLS,
  ...QUANTITIES,
  ...NETWORK,
  ...SEMVER,
  ...FORMATS,
]
