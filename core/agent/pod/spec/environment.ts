import { configMaps, secrets } from '../../../api/kinds.ts'
import type { ConfigMap, Container, EnvFromSource, EnvVar, Pod, Secret } from '../../../api/types/core-v1.ts'
import type { KubeObject } from '../../../meta/object.ts'
import type { ResourceType } from '../../../meta/resource-type.ts'
import { fieldValue, type NodeFacts, resourceValue } from '../../downward/field-ref.ts'
import { ConfigError } from './config-error.ts'
import { expand } from './expand.ts'

/** Where environment variables come from. */
export interface EnvironmentSource {
  /** Undefined when absent. */
  readonly read: <T extends KubeObject>(type: ResourceType<T>, namespace: string, name: string) => Promise<T | undefined>
  readonly serviceVariables: readonly (readonly [string, string])[]
  readonly node: NodeFacts
}

export type Environment = ReadonlyMap<string, string>

/** All variables of a container, later ones winning. Throws ConfigError with the words that Kubernetes shows for what is missing. */
export async function containerEnvironment(pod: Pod, container: Container, source: EnvironmentSource): Promise<Environment> {
  const result = new Map<string, string>()
  const services = new Map(source.serviceVariables)
  for (const from of container.envFrom ?? []) for (const [name, value] of await fromWhole(pod, from, source)) result.set(name, value)
  for (const variable of container.env ?? []) {
    const value = await valueOf(variable, pod, container, source)
    if (value !== undefined) result.set(variable.name, expandWith(value, variable, { result, services }))
  }
  for (const [name, value] of services) if (!result.has(name)) result.set(name, value)
  return result
}

interface Known {
  readonly result: ReadonlyMap<string, string>
  readonly services: ReadonlyMap<string, string>
}

/** Only plain values refer to other variables; what comes from objects is taken as it is. */
function expandWith(value: string, variable: EnvVar, { result, services }: Known): string {
  return variable.valueFrom === undefined ? expand(value, (name) => result.get(name) ?? services.get(name)) : value
}

async function fromWhole(pod: Pod, from: EnvFromSource, source: EnvironmentSource): Promise<readonly (readonly [string, string])[]> {
  const data =
    from.configMapRef !== undefined
      ? (await read(pod, { type: configMaps, kind: 'configmap', reference: from.configMapRef }, source))?.data
      : from.secretRef === undefined
        ? undefined
        : decoded(await read(pod, { type: secrets, kind: 'secret', reference: from.secretRef }, source))
  return Object.entries(data ?? {}).map(([key, value]) => [`${from.prefix ?? ''}${key}`, value] as const)
}

async function valueOf(variable: EnvVar, pod: Pod, container: Container, source: EnvironmentSource): Promise<string | undefined> {
  const from = variable.valueFrom
  if (from === undefined) return variable.value ?? ''
  if (from.fieldRef !== undefined) {
    const value = fieldValue(pod, from.fieldRef, source.node)
    if (value === undefined) throw new ConfigError(`unsupported fieldPath: ${from.fieldRef.fieldPath}`)
    return value
  }
  if (from.resourceFieldRef !== undefined) {
    const value = resourceValue(pod, from.resourceFieldRef, source.node, container.name)
    if (value === undefined) throw new ConfigError(`unsupported container resource : ${from.resourceFieldRef.resource}`)
    return value
  }
  if (from.configMapKeyRef !== undefined) {
    const map = await read(pod, { type: configMaps, kind: 'configmap', reference: from.configMapKeyRef }, source)
    return keyOf('ConfigMap', map, map?.data, { ...from.configMapKeyRef, namespace: pod.metadata.namespace ?? 'default' })
  }
  if (from.secretKeyRef !== undefined) {
    const secret = await read(pod, { type: secrets, kind: 'secret', reference: from.secretKeyRef }, source)
    return keyOf('Secret', secret, decoded(secret), { ...from.secretKeyRef, namespace: pod.metadata.namespace ?? 'default' })
  }
  return undefined
}

interface KeyReference {
  readonly namespace: string
  readonly name?: string | undefined
  readonly key: string
  readonly optional?: boolean | undefined
}

function keyOf(
  kind: string,
  object: KubeObject | undefined,
  data: Readonly<Record<string, string>> | undefined,
  { namespace, name = '', key, optional }: KeyReference,
): string | undefined {
  const value = data?.[key]
  if (value !== undefined || optional === true || object === undefined) return value
  throw new ConfigError(`couldn't find key ${key} in ${kind} ${namespace}/${name}`)
}

interface Reference<T> {
  readonly type: ResourceType<T>
  readonly kind: string
  readonly reference: { readonly name?: string | undefined; readonly optional?: boolean | undefined }
}

async function read<T extends ConfigMap | Secret>(
  pod: Pod,
  { type, kind, reference }: Reference<T>,
  source: EnvironmentSource,
): Promise<T | undefined> {
  const { name = '' } = reference
  const object = await source.read(type, pod.metadata.namespace ?? 'default', name)
  if (object === undefined && reference.optional !== true) throw new ConfigError(`${kind} "${name}" not found`)
  return object
}

function decoded(secret: Secret | undefined): Readonly<Record<string, string>> | undefined {
  if (secret?.data === undefined) return undefined
  return Object.fromEntries(Object.entries(secret.data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]))
}
