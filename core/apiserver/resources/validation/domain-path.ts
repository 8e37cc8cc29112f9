import { invalid, required } from '../../../meta/field-error.ts'
import { dns1123SubdomainProblems } from '../../../meta/names.ts'
import type { Problems } from './common.ts'

const PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"
const PATH_RULE = new RegExp(`^${PATH}$`)

/** Names of controllers outside Kubernetes: a domain, a slash, and a path. */
export function checkDomainPath(text: string, path: string, problems: Problems): void {
  if (text === '') {
    problems.push(required(path))
    return
  }
  const slash = text.indexOf('/')
  const [domain, rest] = slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)]
  if (slash < 0 || domain === '' || rest === '') {
    problems.push(invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")'))
    return
  }
  for (const problem of dns1123SubdomainProblems(domain)) problems.push(invalid(path, domain, problem))
  if (!PATH_RULE.test(rest)) problems.push(invalid(path, rest, `Invalid path (regex used for validation is '${PATH}')`))
}
