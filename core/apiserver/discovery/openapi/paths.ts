import type { ResourceDef } from '../../resources/resource-def.ts'
import { type ApiVersion, type GroupVersionKind, type Subresource, subresourcesOf } from '../catalog.ts'
import type { Dialect, Json } from './definitions.ts'
import { type Action, pathParameter, queryParameters } from './parameters.ts'

/** References to the definitions of what goes over the wire. */
export interface WireTypes {
  readonly of: (kind: GroupVersionKind) => Json
  readonly meta: (name: 'DeleteOptions' | 'Status' | 'Patch') => Json
}

interface Wire {
  readonly body?: Json
  readonly result: Json
}

interface Operation extends Wire {
  readonly method: string
  readonly action: Action
  readonly id: string
  readonly kind: GroupVersionKind
  /** Answers besides 200. */
  readonly codes: readonly string[]
}

const RESPONSE_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'application/cbor']
const STREAM_TYPES = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch', 'application/cbor-seq']
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]
const CODES: Readonly<Record<string, string>> = { 201: 'Created', 202: 'Accepted' }

type PathItem = readonly [path: string, item: Json]

/** Paths of one group version. Custom kinds have neither protobuf nor strategic merge. */
export function pathsOf(version: ApiVersion, types: WireTypes, dialect: Dialect): Json {
  return Object.fromEntries(version.resources.flatMap((def) => new ResourcePaths(def, types, dialect).all()))
}

const METHODS: Readonly<Record<string, readonly [method: string, action: Action]>> = {
  get: ['get', 'get'],
  create: ['post', 'post'],
  update: ['put', 'put'],
  patch: ['patch', 'patch'],
  delete: ['delete', 'delete'],
}
/** Subresources that take over the connection. */
const CONNECT_KINDS = /(?:Attach|Exec|PortForward|Proxy)Options$/
const WRITE_CODES: Readonly<Partial<Record<Action, readonly string[]>>> = {
  post: ['201', '202'],
  put: ['201'],
  patch: ['201'],
  delete: ['202'],
}

class ResourcePaths {
  readonly #def: ResourceDef
  readonly #types: WireTypes
  readonly #dialect: Dialect
  /** `Namespaced` in operation names. */
  readonly #scope: string

  constructor(def: ResourceDef, types: WireTypes, dialect: Dialect) {
    this.#def = def
    this.#types = types
    this.#dialect = dialect
    this.#scope = def.namespaced ? 'Namespaced' : ''
  }

  all(): readonly PathItem[] {
    const { group, version, resource, namespaced } = this.#def
    const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
    const collection = `${root}/${namespaced ? 'namespaces/{namespace}/' : ''}${resource}`
    const namespace = namespaced ? ['namespace'] : []
    const items = [
      this.#pathItem(collection, namespace, this.#collectionOperations()),
      this.#pathItem(`${collection}/{name}`, ['name', ...namespace], this.#itemOperations()),
      ...(namespaced ? [this.#pathItem(`${root}/${resource}`, [], this.#listOperations(`${this.#def.kind}ForAllNamespaces`))] : []),
      ...subresourcesOf(this.#def).map((sub) =>
        this.#pathItem(`${collection}/{name}/${sub.name}`, ['name', ...namespace], this.#subresourceOperations(sub)),
      ),
    ]
    return items.filter(([, item]) => Object.keys(item).length > 1)
  }

  #listOperations(noun: string): readonly Operation[] {
    const { group, version, listKind, verbs } = this.#def
    if (!verbs.includes('list')) return []
    return [this.#operation('get', 'list', noun, { result: this.#types.of({ group, version, kind: listKind }) })]
  }

  #collectionOperations(): readonly Operation[] {
    const noun = this.#scope + this.#def.kind
    const { verbs } = this.#def
    const own = this.#types.of(this.#def)
    return [
      ...this.#listOperations(noun),
      ...(verbs.includes('create') ? [this.#operation('post', 'post', noun, { result: own, body: own })] : []),
      ...(verbs.includes('deletecollection') ? [this.#operation('delete', 'deletecollection', `Collection${noun}`, this.#deletion())] : []),
    ]
  }

  #itemOperations(): readonly Operation[] {
    const noun = this.#scope + this.#def.kind
    const own = this.#types.of(this.#def)
    const wire: Readonly<Record<string, Wire>> = {
      get: { result: own },
      update: { result: own, body: own },
      patch: { result: own, body: this.#types.meta('Patch') },
      delete: this.#deletion(),
    }
    return Object.entries(wire).flatMap(([verb, types]) => {
      const known = METHODS[verb]
      return known === undefined || !this.#def.verbs.includes(verb) ? [] : [this.#operation(known[0], known[1], noun, types)]
    })
  }

  #deletion(): Wire {
    return { result: this.#types.meta('Status'), body: this.#types.meta('DeleteOptions') }
  }

  #subresourceOperations(sub: Subresource): readonly Operation[] {
    const noun = `${this.#scope}${this.#def.kind}${capital(sub.name)}`
    const connects = CONNECT_KINDS.test(sub.kind.kind)
    return sub.verbs.flatMap((verb) => {
      const known = METHODS[verb]
      if (known === undefined) return []
      const [method, action] = known
      if (connects) return [{ ...this.#operation(method, 'connect', noun, { result: { type: 'string' } }), kind: sub.kind }]
      const type = this.#types.of(sub.kind)
      const body = action === 'patch' ? this.#types.meta('Patch') : action === 'put' || action === 'post' ? type : undefined
      return [{ ...this.#operation(method, action, noun, { result: type, ...(body && { body }) }), kind: sub.kind }]
    })
  }

  #operation(method: string, action: Action, noun: string, wire: Wire): Operation {
    const verb = action === 'connect' ? `connect${capital(method)}` : (ID_VERBS[action] ?? action)
    const { group, version } = this.#def
    const id = `${verb}${group === '' ? 'Core' : groupWord(group)}${capital(version)}${noun}`
    return { method, action, id, kind: this.#def, codes: WRITE_CODES[action] ?? [], ...wire }
  }

  #pathItem(path: string, params: readonly string[], operations: readonly Operation[]): PathItem {
    const dialect = this.#dialect
    const parameters = [...params.map((name) => pathParameter(name, dialect)), ...queryParameters('get', dialect)]
    const methods = operations.map((operation) => [operation.method, operationBody(operation, this.#def, dialect)])
    return [path, { ...(Object.fromEntries(methods) as Json), parameters }]
  }
}

function operationBody(op: Operation, def: ResourceDef, dialect: Dialect): Json {
  const isCustom = def.schema.name === undefined
  const produced = [...responseTypes(isCustom), ...(op.action === 'list' ? STREAM_TYPES : [])]
  const consumed = op.action === 'patch' ? PATCH_TYPES.filter((type) => !isCustom || !type.includes('strategic')) : ['*/*']
  const query = queryParameters(op.action, dialect).filter(({ name }) => name !== 'pretty')
  const responses = ['200', ...op.codes].map((code) => [code, response(CODES[code] ?? 'OK', op.result, produced, dialect)])
  return {
    tags: [`${def.group === '' ? 'core' : uncapital(groupWord(def.group))}_${def.version}`],
    operationId: op.id,
    ...(dialect === 'v2' ? { consumes: consumed, produces: produced, ...bodyV2(op.body, query) } : bodyV3(op.body, query, consumed)),
    responses: { ...(Object.fromEntries(responses) as Json), 401: { description: 'Unauthorized' } },
    'x-kubernetes-action': op.action,
    'x-kubernetes-group-version-kind': { group: op.kind.group, version: op.kind.version, kind: op.kind.kind },
  }
}

function bodyV2(body: Json | undefined, query: readonly Json[]): Json {
  return { parameters: body === undefined ? query : [{ name: 'body', in: 'body', required: true, schema: body }, ...query] }
}

function bodyV3(body: Json | undefined, query: readonly Json[], types: readonly string[]): Json {
  if (body === undefined) return { parameters: query }
  return { parameters: query, requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema: body }])), required: true } }
}

function responseTypes(isCustom: boolean): readonly string[] {
  return isCustom ? RESPONSE_TYPES.filter((type) => !type.includes('protobuf')) : RESPONSE_TYPES
}

function response(description: string, schema: Json, types: readonly string[], dialect: Dialect): Json {
  if (dialect === 'v2') return { description, schema }
  return { description, content: Object.fromEntries(types.map((type) => [type, { schema }])) }
}

const ID_VERBS: Readonly<Partial<Record<Action, string>>> = { get: 'read', post: 'create', put: 'replace', deletecollection: 'delete' }

/** `rbac.authorization.k8s.io` is `RbacAuthorization`. */
function groupWord(group: string): string {
  return group
    .replace(/\.k8s\.io$/, '')
    .split(/[.-]/)
    .map(capital)
    .join('')
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
const uncapital = (word: string): string => word.charAt(0).toLowerCase() + word.slice(1)
