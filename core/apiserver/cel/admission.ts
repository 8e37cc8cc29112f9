import { Environment, functionsOf } from './environment.ts'
import { DYN_SHAPE, fromJson, type JsonField, JsonList, JsonMap, objectShape, type Shape } from './json.ts'
import { AUTHORIZATION, AUTHORIZER } from './library/authorizer.ts'
import { STANDARD } from './library/index.ts'
import { BOOL, list, map, object, STRING, type Type } from './types.ts'

const TEXT: Shape = { type: STRING, read: fromJson }
const FLAG: Shape = { type: BOOL, read: fromJson }

const record = (name: string, shapes: Readonly<Record<string, Shape>>): Shape =>
  objectShape(
    `kubernetes.${name}`,
    new Map(Object.entries(shapes).map(([jsonName, shape]): readonly [string, JsonField] => [jsonName, { jsonName, shape }])),
  )

const listOf = (item: Shape): Shape => ({
  type: list(item.type),
  read: (json) => (Array.isArray(json) ? new JsonList(json, item) : fromJson(json)),
})
const TEXTS = listOf(TEXT)
const EXTRA: Shape = {
  type: map(STRING, TEXTS.type),
  read: (json) =>
    typeof json === 'object' && json !== null ? new JsonMap(json as Readonly<Record<string, unknown>>, TEXTS) : fromJson(json),
}

const KIND = record('GroupVersionKind', { group: TEXT, version: TEXT, kind: TEXT })
const RESOURCE = record('GroupVersionResource', { group: TEXT, version: TEXT, resource: TEXT })
const USER = record('UserInfo', { username: TEXT, uid: TEXT, groups: TEXTS, extra: EXTRA })

/** The request as expressions see it: an AdmissionRequest without the objects. */
export const REQUEST: Shape = record('AdmissionRequest', {
  kind: KIND,
  resource: RESOURCE,
  subResource: TEXT,
  requestKind: KIND,
  requestResource: RESOURCE,
  requestSubResource: TEXT,
  name: TEXT,
  namespace: TEXT,
  operation: TEXT,
  userInfo: USER,
  dryRun: FLAG,
  options: DYN_SHAPE,
})

const FUNCTIONS = functionsOf([...STANDARD, ...AUTHORIZATION])

export interface AdmissionNames {
  /** Policies may look at the namespace and, with a paramKind, at parameters. */
  readonly isPolicy: boolean
  readonly hasParams?: boolean
  /** The type of `object` and `oldObject`; open when nothing is said. */
  readonly object?: Type
  /** Types of composed variables; absent where none may be named. */
  readonly variables?: ReadonlyMap<string, Type>
}

/** What expressions about a write may name. Source: Kubernetes API reference, ValidatingAdmissionPolicy and MatchCondition. */
export function admissionEnvironment({
  isPolicy,
  hasParams = false,
  variables,
  object: subject = DYN_SHAPE.type,
}: AdmissionNames): Environment {
  const { type: dyn } = DYN_SHAPE
  return new Environment(
    {
      object: subject,
      oldObject: subject,
      request: REQUEST.type,
      authorizer: AUTHORIZER,
      ...(isPolicy && { namespaceObject: dyn }),
      ...(hasParams && { params: dyn }),
      ...(variables !== undefined && { variables: object('kubernetes.variables', variables) }),
    },
    FUNCTIONS,
  )
}
