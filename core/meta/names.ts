/**
 * The name formats of Kubernetes. Each function answers the problems of a value, empty when it is valid; the texts are the ones that
 * stand in field errors. Source: shared validation facts, nameFormats.
 */
const NONE: readonly string[] = Object.freeze([])

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`
const WILDCARD = `\\*\\.${SUBDOMAIN}`
const DNS1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const LABEL_VALUE = `(${QUALIFIED})?`
const CONFIG_KEY = '[-._a-zA-Z0-9]+'
const HEADER_NAME = '[-A-Za-z0-9]+'
const PERCENT = '[0-9]+%'
const C_IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*'

const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`)
const labelRegExp = whole(LABEL)
const subdomainRegExp = whole(SUBDOMAIN)
const wildcardRegExp = whole(WILDCARD)
const dns1035RegExp = whole(DNS1035)
const qualifiedRegExp = whole(QUALIFIED)
const labelValueRegExp = whole(LABEL_VALUE)
const configKeyRegExp = whole(CONFIG_KEY)
const headerNameRegExp = whole(HEADER_NAME)
const percentRegExp = whole(PERCENT)
const cIdentifierRegExp = whole(C_IDENTIFIER)

/** `examples` and the expression are appended as Kubernetes prints them. */
export function patternText(text: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${text} (regex used for validation is '${pattern}')`
  const shown = examples.map((example) => `'${example}', `).join(' or ')
  return `${text} (e.g. ${shown}regex used for validation is '${pattern}')`
}
export const maxLengthText = (max: number): string => `must be no more than ${max} characters`
export const rangeText = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`
export const EMPTY_TEXT = 'must be non-empty'

const TEXT = {
  label: patternText(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    LABEL,
    'my-name',
    '123-abc',
  ),
  subdomain: patternText(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    SUBDOMAIN,
    'example.com',
  ),
  wildcard: patternText(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    WILDCARD,
    '*.example.com',
  ),
  dns1035: patternText(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    DNS1035,
    'my-name',
    'abc-123',
  ),
  qualified: patternText(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    QUALIFIED,
    'MyName',
    'my.name',
    '123-abc',
  ),
  labelValue: patternText(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    LABEL_VALUE,
    'MyValue',
    'my_value',
    '12345',
  ),
  configKey: patternText(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    CONFIG_KEY,
    'key.name',
    'KEY_NAME',
    'key-name',
  ),
  headerName: patternText("a valid HTTP header must consist of alphanumeric characters or '-'", HEADER_NAME, 'X-Header-Name'),
  percent: patternText("a valid percent string must be a numeric string followed by an ending '%'", PERCENT, '1%', '93%'),
  cIdentifier: patternText(
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
    C_IDENTIFIER,
    'my_name',
    'MY_NAME',
    'MyName',
  ),
}

const byteLength = (value: string): number => Buffer.byteLength(value)

/** `false` parts drop out; the shared empty list is answered when nothing is wrong. */
function collect(...parts: readonly (string | false)[]): readonly string[] {
  const problems = parts.filter((part) => part !== false)
  return problems.length === 0 ? NONE : problems
}

const tooLong = (value: string, max: number): string | false => value.length * 3 > max && byteLength(value) > max && maxLengthText(max)

/** At most 63 of a-z, 0-9 and `-`: names of namespaces, containers, ports. */
export function dns1123LabelProblems(value: string): readonly string[] {
  const text = labelRegExp.test(value) ? false : subdomainRegExp.test(value) ? 'must not contain dots' : TEXT.label
  return collect(tooLong(value, 63), text)
}

/** At most 253, labels joined by dots: names of most objects. */
export function dns1123SubdomainProblems(value: string): readonly string[] {
  return collect(tooLong(value, 253), !subdomainRegExp.test(value) && TEXT.subdomain)
}

/** A label that begins with a letter: names of Services of old. */
export function dns1035LabelProblems(value: string): readonly string[] {
  return collect(tooLong(value, 63), !dns1035RegExp.test(value) && TEXT.dns1035)
}

/** Hosts of Ingress rules such as `*.example.com`. */
export function wildcardSubdomainProblems(value: string): readonly string[] {
  return collect(tooLong(value, 253), !wildcardRegExp.test(value) && TEXT.wildcard)
}

/** Label keys, taint keys, resource names: an optional DNS subdomain and `/`, then a name. */
export function qualifiedNameProblems(value: string): readonly string[] {
  const slash = value.indexOf('/')
  if (slash !== value.lastIndexOf('/'))
    return [`a valid label key ${TEXT.qualified} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  const prefix = value.slice(0, slash)
  const name = value.slice(slash + 1)
  const prefixProblems = slash < 0 ? NONE : prefix === '' ? [EMPTY_TEXT] : dns1123SubdomainProblems(prefix)
  const long = tooLong(name, 63)
  return collect(
    ...prefixProblems.map((problem) => `prefix part ${problem}`),
    name === '' ? `name part ${EMPTY_TEXT}` : long !== false && `name part ${long}`,
    !qualifiedRegExp.test(name) && `name part ${TEXT.qualified}`,
  )
}

/** At most 63, empty allowed. */
export function labelValueProblems(value: string): readonly string[] {
  return collect(tooLong(value, 63), !labelValueRegExp.test(value) && TEXT.labelValue)
}

/** Annotation keys are qualified names without regard to case. */
export function annotationKeyProblems(value: string): readonly string[] {
  return qualifiedNameProblems(value.toLowerCase())
}

/** Keys of ConfigMaps and Secrets. */
export function configMapKeyProblems(value: string): readonly string[] {
  return collect(tooLong(value, 253), !configKeyRegExp.test(value) && TEXT.configKey, changesDirectory(value))
}

/** The relaxed form that is general since 1.34: printable ASCII without `=`. */
export function envVarNameProblems(value: string): readonly string[] {
  return collect(
    value === '' && `environment variable name ${EMPTY_TEXT}`,
    !/^[\x20-\x3c\x3e-\x7e]*$/.test(value) &&
      "a valid environment variable name must consist only of printable ASCII characters other than '='",
  )
}

/** Names of container and service target ports (IANA service names). */
export function portNameProblems(value: string): readonly string[] {
  return collect(
    tooLong(value, 15),
    !/^[-a-z0-9]+$/.test(value) && 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    !/[a-z]/.test(value) && 'must contain at least one letter (a-z)',
    value.includes('--') && 'must not contain consecutive hyphens',
    (value.startsWith('-') || value.endsWith('-')) && 'must not begin or end with a hyphen',
  )
}

export function portNumberProblems(value: number): readonly string[] {
  return collect(!(Number.isInteger(value) && value >= 1 && value <= 65535) && rangeText(1, 65535))
}

/** Names that only need to be usable as one part of a URL: RBAC objects, for example. */
export function pathSegmentProblems(value: string): readonly string[] {
  if (value === '.') return ["may not be '.'"]
  if (value === '..') return ["may not be '..'"]
  return pathSegmentPrefixProblems(value)
}

/** The same for a generateName, which may be `.` as more follows. */
export function pathSegmentPrefixProblems(value: string): readonly string[] {
  return collect(value.includes('/') && "may not contain '/'", value.includes('%') && "may not contain '%'")
}

export function httpHeaderNameProblems(value: string): readonly string[] {
  return collect(!headerNameRegExp.test(value) && TEXT.headerName)
}

export function percentProblems(value: string): readonly string[] {
  return collect(!percentRegExp.test(value) && TEXT.percent)
}

export function cIdentifierProblems(value: string): readonly string[] {
  return collect(!cIdentifierRegExp.test(value) && TEXT.cIdentifier)
}

/**
 * A generateName is checked by the rule of names after its trailing `-` is replaced by a letter,
 * since the server appends five characters.
 */
export function maskTrailingDash(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith('-') ? `${prefix.slice(0, -2)}a` : prefix
}

/** The problems as one text, joined as Kubernetes does for label keys and values; undefined when there are none. */
export function problemText(problems: readonly string[]): string | undefined {
  return problems.length === 0 ? undefined : problems.join('; ')
}

function changesDirectory(value: string): string | false {
  if (value === '.') return "must not be '.'"
  if (value === '..') return "must not be '..'"
  return value.startsWith('..') && "must not start with '..'"
}
