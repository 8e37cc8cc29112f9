import type { AdmissionRequest } from '../../api/types/admission-v1.ts'
import type { Namespace } from '../../api/types/core-v1.ts'
import type { KubeObject } from '../../meta/object.ts'
import { apiVersionOf } from '../../meta/resource-type.ts'
import { REQUEST } from '../cel/admission.ts'
import { fromJson } from '../cel/json.ts'
import { AuthorizerValue } from '../cel/library/authorizer.ts'
import type { Value } from '../cel/values.ts'
import type { Authorizer } from '../auth/auth.ts'
import { reviewedUser } from '../auth/review/self-review.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import type { AdmissionAttributes, ObjectReader } from './admission.ts'
import { isResource, NAMESPACES } from './target.ts'

export interface VariableDeps {
  readonly reader: ObjectReader
  readonly authorizer: Authorizer
}

type Variables = (name: string) => Value | undefined

/** What expressions about a write see. `def` is the version that matched. Values are made when they are first named. */
export function requestVariables(attributes: AdmissionAttributes, def: ResourceDef, deps: VariableDeps): Variables {
  const made = new Map<string, Value | undefined>()
  const make = (name: string): Value | undefined => {
    switch (name) {
      case 'object':
        return objectValue(attributes.object, attributes, def)
      case 'oldObject':
        return objectValue(attributes.oldObject, attributes, def)
      case 'request':
        return REQUEST.read(requestOf(attributes, def))
      case 'authorizer':
        return authorizerValue(attributes, deps.authorizer)
      case 'namespaceObject':
        return namespaceValue(attributes, deps.reader)
      default:
        return undefined
    }
  }
  return (name) => {
    if (!made.has(name)) made.set(name, make(name))
    return made.get(name)
  }
}

/** The object in one of its versions, as stored objects leave out what their URL tells; other kinds, such as a binding, are themselves. */
export function inVersion(object: KubeObject, { subresource }: AdmissionAttributes, def: ResourceDef): KubeObject {
  if (subresource !== '' && object.kind !== undefined && object.kind !== def.kind) return object
  return { ...object, apiVersion: apiVersionOf(def), kind: def.kind }
}

function objectValue(object: KubeObject | undefined, attributes: AdmissionAttributes, def: ResourceDef): Value {
  return object === undefined ? null : fromJson(inVersion(object, attributes, def))
}

const OPTION_KINDS = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions', CONNECT: undefined } as const

function optionsOf({ operation, options }: AdmissionAttributes): object | null {
  const kind = OPTION_KINDS[operation]
  return kind === undefined ? null : { kind, apiVersion: 'meta.k8s.io/v1', ...options }
}

/** What the request is about, as webhooks and expressions are told. */
export function requestOf(attributes: AdmissionAttributes, def: ResourceDef): Omit<AdmissionRequest, 'uid' | 'object' | 'oldObject'> {
  const { subresource, name, namespace, operation, user, dryRun, def: request } = attributes
  return {
    kind: { group: def.group, version: def.version, kind: def.kind },
    resource: { group: def.group, version: def.version, resource: def.resource },
    ...(subresource !== '' && { subResource: subresource }),
    requestKind: { group: request.group, version: request.version, kind: request.kind },
    requestResource: { group: request.group, version: request.version, resource: request.resource },
    ...(subresource !== '' && { requestSubResource: subresource }),
    ...(name !== '' && { name }),
    ...(namespace !== '' && { namespace }),
    operation,
    userInfo: reviewedUser(user),
    dryRun,
    options: optionsOf(attributes),
  }
}

function authorizerValue({ def, subresource, namespace, name, user }: AdmissionAttributes, authorizer: Authorizer): Value {
  return new AuthorizerValue({ authorizer, user }, { group: def.group, resource: def.resource, subresource, namespace, name })
}

/** Null for what is in no namespace; a namespace is in none. */
function namespaceValue(attributes: AdmissionAttributes, reader: ObjectReader): Value {
  const { namespace } = attributes
  if (namespace === '' || isResource(attributes, NAMESPACES)) return null
  const found = reader.get<Namespace>(NAMESPACES, '', namespace)
  return found === undefined ? null : fromJson(found)
}
