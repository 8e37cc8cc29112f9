import type { OpaqueDeviceConfiguration } from '../../../api/types/resource-v1.ts'
import { invalid, required, tooLong } from '../../../meta/field-error.ts'
import { cIdentifierProblems, dns1123SubdomainProblems } from '../../../meta/names.ts'
import { checkFormat, type Problems } from '../validation/common.ts'

const MAX_DOMAIN = 63
const MAX_ID = 32
const MAX_PARAMETERS = 10 * 1024

/** Drivers are DNS names of at most 63 bytes. */
export function checkDriver(name: string, path: string, problems: Problems): void {
  if (name === '') problems.push(required(path))
  if (name.length > MAX_DOMAIN) problems.push(tooLong(path, MAX_DOMAIN))
  if (name !== '') checkFormat(name, path, dns1123SubdomainProblems, problems)
}

/** Names of attributes and capacities: a C identifier, with a domain in front where it is not the driver's own. */
export function checkQualifiedName(name: string, path: string, full: boolean, problems: Problems): void {
  if (name === '') {
    problems.push(required(path, 'name required'))
    return
  }
  const slash = name.indexOf('/')
  if (slash < 0 && full) problems.push(invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash'))
  if (slash === 0) problems.push(invalid(path, '', 'the domain must not be empty'))
  if (slash > 0) checkDriver(name.slice(0, slash), path, problems)
  const id = name.slice(slash + 1)
  if (id === '') problems.push(invalid(path, '', 'the name must not be empty'))
  else {
    if (id.length > MAX_ID) problems.push(tooLong(path, MAX_ID))
    checkFormat(id, path, cIdentifierProblems, problems)
  }
}

/** Configuration that only its driver understands. */
export function checkOpaque(opaque: OpaqueDeviceConfiguration | undefined, path: string, problems: Problems): void {
  const at = `${path}.opaque`
  if (opaque === undefined) {
    problems.push(required(at))
    return
  }
  checkDriver(opaque.driver, `${at}.driver`, problems)
  const { parameters } = opaque
  if (parameters === undefined || parameters === null) problems.push(required(`${at}.parameters`))
  else if (typeof parameters !== 'object' || Array.isArray(parameters))
    problems.push(invalid(`${at}.parameters`, '<value omitted>', 'must be a valid JSON object'))
  else if (JSON.stringify(parameters).length > MAX_PARAMETERS) problems.push(tooLong(`${at}.parameters`, MAX_PARAMETERS))
}
