import type { Authorizer, Decision, UserInfo } from '../../auth/auth.ts'
import { EvaluationError } from '../issue.ts'
import type { Meter } from '../meter.ts'
import { method, type Overload } from '../overload.ts'
import { BOOL, opaque, STRING, type Type } from '../types.ts'
import { Opaque, type Value } from '../values.ts'

/** Whom to ask, and for whom. */
interface Asker {
  readonly authorizer: Authorizer
  readonly user: UserInfo
}

export class AuthorizerValue extends Opaque {
  override readonly type = 'kubernetes.authorization.Authorizer'
  readonly asker: Asker
  override readonly fields: ReadonlyMap<string, Value> | undefined
  /** `request`: what the request itself is about. */
  constructor(asker: Asker, request?: Target) {
    super()
    this.asker = asker
    this.fields = request === undefined ? undefined : new Map([['requestResource', new ResourceCheck(asker, request)]])
  }
}

class PathCheck extends Opaque {
  override readonly type = 'kubernetes.authorization.PathCheck'
  readonly asker: Asker
  readonly path: string
  constructor(asker: Asker, path: string) {
    super()
    this.asker = asker
    this.path = path
  }
}

interface Target {
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly fieldSelector?: string
  readonly labelSelector?: string
}

class GroupCheck extends Opaque {
  override readonly type = 'kubernetes.authorization.GroupCheck'
  readonly asker: Asker
  readonly group: string
  constructor(asker: Asker, group: string) {
    super()
    this.asker = asker
    this.group = group
  }
}

class ResourceCheck extends Opaque {
  override readonly type = 'kubernetes.authorization.ResourceCheck'
  readonly asker: Asker
  readonly target: Target
  constructor(asker: Asker, target: Target) {
    super()
    this.asker = asker
    this.target = target
  }
  with(change: Partial<Target>): ResourceCheck {
    return new ResourceCheck(this.asker, { ...this.target, ...change })
  }
}

class DecisionValue extends Opaque {
  override readonly type = 'kubernetes.authorization.Decision'
  readonly decision: Decision
  constructor(decision: Decision) {
    super()
    this.decision = decision
  }
}

const RESOURCE_CHECK = opaque<ResourceCheck>('kubernetes.authorization.ResourceCheck')
export const AUTHORIZER: Type<AuthorizerValue> = {
  ...opaque<AuthorizerValue>('kubernetes.authorization.Authorizer'),
  fields: new Map([['requestResource', RESOURCE_CHECK]]),
}
const PATH_CHECK = opaque<PathCheck>('kubernetes.authorization.PathCheck')
const GROUP_CHECK = opaque<GroupCheck>('kubernetes.authorization.GroupCheck')
const DECISION = opaque<DecisionValue>('kubernetes.authorization.Decision')

function serviceAccount({ asker }: AuthorizerValue, namespace: string, name: string): AuthorizerValue {
  const user: UserInfo = {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  }
  return new AuthorizerValue({ ...asker, user })
}

/** Units of one question. Source: apiserver, cel/library/cost. */
const CHECK_COST = 350_000

function checkPath({ asker: { authorizer, user }, path }: PathCheck, verb: string, meter: Meter): DecisionValue {
  meter.spend(CHECK_COST)
  return new DecisionValue(authorizer.authorize({ kind: 'path', user, verb, path }))
}

function checkResource({ asker: { authorizer, user }, target }: ResourceCheck, verb: string, meter: Meter): DecisionValue {
  meter.spend(CHECK_COST)
  return new DecisionValue(authorizer.authorize({ kind: 'resource', user, verb, version: '*', ...target }))
}

/** May the user who sends the request do something else, too? Source: apiserver, cel/library/authz. */
export const AUTHORIZATION: readonly Overload[] = [
  method('path', [AUTHORIZER, STRING], PATH_CHECK, ({ asker }, path) => {
    if (path === '') throw new EvaluationError('path must not be empty')
    return new PathCheck(asker, path)
  }),
  method('group', [AUTHORIZER, STRING], GROUP_CHECK, ({ asker }, group) => new GroupCheck(asker, group)),
  method('serviceAccount', [AUTHORIZER, STRING, STRING], AUTHORIZER, serviceAccount),
  method('resource', [GROUP_CHECK, STRING], RESOURCE_CHECK, ({ asker, group }, resource) => {
    return new ResourceCheck(asker, { group, resource, subresource: '', namespace: '', name: '' })
  }),
  method('subresource', [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check, subresource) => check.with({ subresource })),
  method('namespace', [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check, namespace) => check.with({ namespace })),
  method('name', [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check, name) => check.with({ name })),
  method('fieldSelector', [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check, fieldSelector) => check.with({ fieldSelector })),
  method('labelSelector', [RESOURCE_CHECK, STRING], RESOURCE_CHECK, (check, labelSelector) => check.with({ labelSelector })),
  method('check', [PATH_CHECK, STRING], DECISION, checkPath),
  method('check', [RESOURCE_CHECK, STRING], DECISION, checkResource),
  method('allowed', [DECISION], BOOL, ({ decision }) => decision.allowed),
  method('reason', [DECISION], STRING, ({ decision }) => decision.reason),
  method('errored', [DECISION], BOOL, () => false),
  method('error', [DECISION], STRING, () => ''),
]
