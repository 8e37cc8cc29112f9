import type { Field, ListSchema, MapSchema, ObjectSchema, ScalarSchema, ScalarType, Schema } from '../schema.ts'

/** Schema builders for tests; the real tables are generated. A `!` after a name means that Go always writes the field. */
export function struct(name: string, fields: Readonly<Record<string, Schema | Partial<Field>>>, atomic = false): ObjectSchema {
  const table = new Map<string, Field>()
  for (const [key, given] of Object.entries(fields)) {
    const field = key.replace('!', '')
    const extra: Partial<Field> = 'type' in given ? { schema: given } : given
    table.set(field, { name: field, required: false, always: key.endsWith('!'), pointer: false, schema: scalar('any'), ...extra })
  }
  return { type: 'object', name, fields: table, ...(atomic && { atomic }) }
}

export const scalar = (type: ScalarType, extra: Partial<ScalarSchema> = {}): ScalarSchema => ({ type, ...extra })
export const text = scalar('string')
export const number = scalar('int32')
export const mapOf = (values: Schema, atomic = false): MapSchema => ({ type: 'map', values, ...(atomic && { atomic }) })
export const atomicList = (items: Schema): ListSchema => ({ type: 'list', items })
export const setOf = (items: Schema): ListSchema => ({ type: 'list', items, listType: 'set' })
export const listByKeys = (items: Schema, ...keys: readonly string[]): ListSchema => ({
  type: 'list',
  items,
  listType: 'map',
  listMapKeys: keys,
})

const merged = (schema: Schema, key?: string): Partial<Field> => ({
  schema,
  patchStrategy: ['merge'],
  ...(key !== undefined && { patchMergeKey: key }),
})

const metadata = struct('meta_v1.ObjectMeta', {
  'name!': text,
  namespace: text,
  'uid!': text,
  'resourceVersion!': text,
  generation: number,
  'creationTimestamp!': scalar('time'),
  labels: mapOf(text),
  annotations: mapOf(text),
  finalizers: merged(setOf(text)),
  managedFields: atomicList(scalar('any')),
})

const port = struct('core_v1.ContainerPort', {
  name: text,
  'containerPort!': number,
  protocol: scalar('string', { default: 'TCP' }),
  hostPort: number,
})
const env = struct('core_v1.EnvVar', { 'name!': text, value: text })
const resources = struct('core_v1.ResourceRequirements', { limits: mapOf(scalar('quantity')), requests: mapOf(scalar('quantity')) })

const container = struct('core_v1.Container', {
  'name!': text,
  image: text,
  command: atomicList(text),
  args: atomicList(text),
  ports: merged(listByKeys(port, 'containerPort', 'protocol'), 'containerPort'),
  env: merged(listByKeys(env, 'name'), 'name'),
  'resources!': resources,
  imagePullPolicy: text,
  terminationMessagePath: text,
  terminationMessagePolicy: text,
})

const emptyDir = struct('core_v1.EmptyDir', { medium: text, sizeLimit: scalar('quantity') })
const hostPath = struct('core_v1.HostPath', { 'path!': text })
const volume = struct('core_v1.Volume', {
  'name!': text,
  emptyDir: { schema: emptyDir, pointer: true },
  hostPath: { schema: hostPath, pointer: true },
})
const toleration = struct('core_v1.Toleration', { key: text, operator: text, value: text })

export const podSpec: ObjectSchema = struct('core_v1.PodSpec', {
  'containers!': merged(listByKeys(container, 'name'), 'name'),
  volumes: { schema: listByKeys(volume, 'name'), patchStrategy: ['merge', 'retainKeys'], patchMergeKey: 'name' },
  nodeSelector: mapOf(text, true),
  nodeName: text,
  restartPolicy: text,
  dnsPolicy: text,
  schedulerName: text,
  hostNetwork: scalar('boolean'),
  serviceAccountName: text,
  terminationGracePeriodSeconds: { schema: scalar('int64'), pointer: true },
  securityContext: { schema: struct('core_v1.PodSecurityContext', { runAsUser: number }), pointer: true },
  tolerations: atomicList(toleration),
})

const condition = struct('core_v1.PodCondition', { 'type!': text, 'status!': text, reason: text, 'lastTransitionTime!': scalar('time') })

/** A Pod cut down to the fields that show every kind of list, map and struct. */
export const podSchema: ObjectSchema = struct('core_v1.Pod', {
  kind: text,
  apiVersion: text,
  'metadata!': metadata,
  'spec!': podSpec,
  'status!': struct('core_v1.PodStatus', { phase: text, podIP: text, conditions: merged(listByKeys(condition, 'type'), 'type') }),
})

/** A Deployment with the parts that matter to patches. */
export const deploymentSchema: ObjectSchema = struct('apps_v1.Deployment', {
  kind: text,
  apiVersion: text,
  'metadata!': metadata,
  'spec!': struct('apps_v1.DeploymentSpec', {
    replicas: { schema: number, pointer: true },
    'selector!': { schema: struct('meta_v1.LabelSelector', { matchLabels: mapOf(text) }, true), pointer: true },
    'template!': struct('core_v1.PodTemplateSpec', { metadata, spec: podSpec }),
    'strategy!': {
      schema: struct('apps_v1.DeploymentStrategy', {
        type: text,
        rollingUpdate: struct('apps_v1.RollingUpdate', { maxSurge: scalar('int-or-string') }),
      }),
      patchStrategy: ['retainKeys'],
    },
    paused: scalar('boolean'),
  }),
  'status!': struct('apps_v1.DeploymentStatus', { replicas: number }),
})
