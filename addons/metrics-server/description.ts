/** Discovery and OpenAPI of metrics.k8s.io/v1beta1, which never change. Built when they are asked for. */
import { hash } from 'node:crypto'

const GROUP = 'metrics.k8s.io'
const VERSION = { groupVersion: `${GROUP}/v1beta1`, version: 'v1beta1' }
const API_GROUP = { name: GROUP, versions: [VERSION], preferredVersion: VERSION }
const VERBS = ['get', 'list']

export const GROUP_PATH = `/apis/${GROUP}/v1beta1`
const OPENAPI_PATH = `/openapi/v3${GROUP_PATH}`

type Json = Readonly<Record<string, unknown>>

/** The document of a path; undefined for any other path. */
export function describe(path: string): Json | undefined {
  switch (path) {
    case '/apis':
      return { kind: 'APIGroupList', apiVersion: 'v1', groups: [API_GROUP] }
    case `/apis/${GROUP}`:
      return { kind: 'APIGroup', apiVersion: 'v1', ...API_GROUP }
    case GROUP_PATH:
      return {
        kind: 'APIResourceList',
        apiVersion: 'v1',
        groupVersion: VERSION.groupVersion,
        resources: [
          { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: VERBS },
          { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: VERBS },
        ],
      }
    case '/openapi/v3':
      return { paths: { [`apis/${VERSION.groupVersion}`]: { serverRelativeURL: `${OPENAPI_PATH}?hash=${hashOf(openApi3())}` } } }
    case OPENAPI_PATH:
      return openApi3()
    case '/openapi/v2':
      return openApi2()
    default:
      return undefined
  }
}

function hashOf(document: Json): string {
  return hash('sha256', JSON.stringify(document)).toUpperCase()
}

const INFO = { title: 'metrics-server', version: 'v1beta1' }
const PACKAGE = 'io.k8s.metrics.pkg.apis.metrics.v1beta1.'
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.'

function openApi3(): Json {
  const refer = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })
  const wrap = (name: string): Json => ({ content: { 'application/json': { schema: refer(name) } } })
  const parameter = (name: string, where: string): Json => ({
    name,
    in: where,
    schema: { type: 'string', uniqueItems: true },
    ...(where === 'path' && { required: true }),
  })
  return { openapi: '3.0.0', info: INFO, paths: paths(wrap, parameter), components: { schemas: definitions(refer) } }
}

function openApi2(): Json {
  const refer = (name: string): Json => ({ $ref: `#/definitions/${name}` })
  const parameter = (name: string, where: string): Json => ({
    name,
    in: where,
    type: 'string',
    uniqueItems: true,
    ...(where === 'path' && { required: true }),
  })
  return { swagger: '2.0', info: INFO, paths: paths((name) => ({ schema: refer(name) }), parameter), definitions: definitions(refer) }
}

function paths(wrap: (name: string) => Json, parameter: (name: string, where: string) => Json): Json {
  const operation = (kind: string, action: 'get' | 'list', id: string): Json => ({
    get: {
      description: action === 'get' ? `read the specified ${kind}` : `list objects of kind ${kind}`,
      operationId: `${action === 'get' ? 'read' : 'list'}MetricsV1beta1${id}`,
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': { group: GROUP, version: 'v1beta1', kind },
      responses: { '200': { description: 'OK', ...wrap(`${PACKAGE}${kind}${action === 'get' ? '' : 'List'}`) } },
    },
  })
  const list = [parameter('labelSelector', 'query'), parameter('fieldSelector', 'query')]
  const [name, namespace] = [parameter('name', 'path'), parameter('namespace', 'path')]
  return {
    [`${GROUP_PATH}/nodes`]: { ...operation('NodeMetrics', 'list', 'NodeMetrics'), parameters: list },
    [`${GROUP_PATH}/nodes/{name}`]: { ...operation('NodeMetrics', 'get', 'NodeMetrics'), parameters: [name] },
    [`${GROUP_PATH}/pods`]: { ...operation('PodMetrics', 'list', 'PodMetricsForAllNamespaces'), parameters: list },
    [`${GROUP_PATH}/namespaces/{namespace}/pods`]: {
      ...operation('PodMetrics', 'list', 'NamespacedPodMetrics'),
      parameters: [namespace, ...list],
    },
    [`${GROUP_PATH}/namespaces/{namespace}/pods/{name}`]: {
      ...operation('PodMetrics', 'get', 'NamespacedPodMetrics'),
      parameters: [namespace, name],
    },
  }
}

const string = (description: string): Json => ({ type: 'string', description })

function definitions(refer: (name: string) => Json): Json {
  const USAGE: Json = {
    type: 'object',
    description: 'Average CPU over the window, and memory at its end, by name of the resource.',
    additionalProperties: { type: 'string' },
  }
  const typed = { kind: string('Kind of the object.'), apiVersion: string('Version of the object’s schema.') }
  const moment = {
    timestamp: { type: 'string', format: 'date-time', description: 'End of the window over which was measured.' },
    window: string('Length of the window, such as 15s.'),
  }
  const kind = (name: string): Json => ({ 'x-kubernetes-group-version-kind': [{ group: GROUP, version: 'v1beta1', kind: name }] })
  const object = (name: string, description: string, own: Json, required: readonly string[]): Json => ({
    type: 'object',
    description,
    required: ['timestamp', 'window', ...required],
    properties: { ...typed, metadata: refer(`${META}ObjectMeta`), ...moment, ...own },
    ...kind(name),
  })
  const list = (of: string): Json => ({
    type: 'object',
    description: `A list of ${of}.`,
    required: ['items'],
    properties: { ...typed, metadata: refer(`${META}ListMeta`), items: { type: 'array', items: refer(`${PACKAGE}${of}`) } },
    ...kind(`${of}List`),
  })
  return {
    [`${PACKAGE}NodeMetrics`]: object('NodeMetrics', 'What a node uses.', { usage: USAGE }, ['usage']),
    [`${PACKAGE}NodeMetricsList`]: list('NodeMetrics'),
    [`${PACKAGE}PodMetrics`]: object(
      'PodMetrics',
      'What the containers of a pod use.',
      { containers: { type: 'array', description: 'All of the same window.', items: refer(`${PACKAGE}ContainerMetrics`) } },
      ['containers'],
    ),
    [`${PACKAGE}PodMetricsList`]: list('PodMetrics'),
    [`${PACKAGE}ContainerMetrics`]: {
      type: 'object',
      description: 'What one container uses.',
      required: ['name', 'usage'],
      properties: { name: string('Name of the container.'), usage: USAGE },
    },
    [`${META}ObjectMeta`]: { type: 'object', description: 'Metadata of an object.' },
    [`${META}ListMeta`]: { type: 'object', description: 'Metadata of a list.' },
  }
}
