import {
  dns1035LabelProblems,
  dns1123LabelProblems,
  dns1123SubdomainProblems,
  labelValueProblems,
  maskTrailingDash,
  qualifiedNameProblems,
} from '../../../meta/names.ts'
import { global, method, type Overload } from '../overload.ts'
import { list, opaque, optional, STRING } from '../types.ts'
import { NativeList, Opaque, Optional } from '../values.ts'
import { parseTimestamp } from './time.ts'

class NamedFormat extends Opaque {
  override readonly type = 'kubernetes.NamedFormat'
  readonly name: string
  readonly problems: (text: string) => readonly string[]
  constructor(name: string, problems: (text: string) => readonly string[]) {
    super()
    this.name = name
    this.problems = problems
  }
  override same(other: Opaque): boolean {
    return other instanceof NamedFormat && other.name === this.name
  }
}

const unless = (holds: (text: string) => boolean, problem: string) => (text: string) => (holds(text) ? [] : [problem])
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const CHECKS: Readonly<Record<string, (text: string) => readonly string[]>> = {
  dns1123Label: dns1123LabelProblems,
  dns1123Subdomain: dns1123SubdomainProblems,
  dns1035Label: dns1035LabelProblems,
  qualifiedName: qualifiedNameProblems,
  dns1123LabelPrefix: (text) => dns1123LabelProblems(maskTrailingDash(text)),
  dns1123SubdomainPrefix: (text) => dns1123SubdomainProblems(maskTrailingDash(text)),
  dns1035LabelPrefix: (text) => dns1035LabelProblems(maskTrailingDash(text)),
  labelValue: labelValueProblems,
  uri: unless((text) => URL.canParse(text) || text.startsWith('/'), 'invalid URI'),
  uuid: unless((text) => UUID.test(text), 'does not match the UUID format'),
  byte: unless((text) => BASE64.test(text), 'invalid base64'),
  date: unless((text) => parseTimestamp(`${text}T00:00:00Z`) !== undefined, 'invalid date'),
  datetime: unless((text) => parseTimestamp(text) !== undefined, 'invalid datetime'),
}

const FORMAT = opaque<NamedFormat>('kubernetes.NamedFormat')
const NAMED: ReadonlyMap<string, NamedFormat> = new Map(
  Object.entries(CHECKS).map(([name, problems]) => [name, new NamedFormat(name, problems)]),
)

/** `format.dns1123Label().validate(text)`: none when the text is fine. Source: apiserver, cel/library/format. */
export const FORMATS: readonly Overload[] = [
  ...Array.from(NAMED, ([name, format]) => global(`format.${name}`, [], FORMAT, () => format)),
  global('format.named', [STRING], optional(FORMAT), (name) => Optional.of(NAMED.get(name))),
  method('validate', [FORMAT, STRING], optional(list(STRING)), (format, text) => {
    const problems = format.problems(text)
    return problems.length === 0 ? Optional.none : Optional.of(new NativeList(problems))
  }),
]
