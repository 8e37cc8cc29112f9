import { configMaps, secrets } from '../../api/kinds.ts'
import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, Volume, VolumeProjection } from '../../api/types/core-v1.ts'
import type { KubeObject, ObjectName } from '../../meta/object.ts'
import type { ResourceType } from '../../meta/resource-type.ts'
import { fieldValue, type NodeFacts, resourceValue } from '../downward/field-ref.ts'
import type { Content, ContentFile } from './atomic-writer.ts'
import { VolumeError } from './errors.ts'

const DEFAULT_MODE = 0o644

/** Where the parts of a volume come from; the caller follows what is read and asks again when it changes. */
export interface ContentSource {
  read<T extends KubeObject>(type: ResourceType<T>, name: ObjectName): Promise<T | undefined>
  token(request: { readonly audience: string | undefined; readonly expirationSeconds: number }): Promise<string>
  readonly node: NodeFacts
}

/** True for volumes whose files come from the API and are kept up to date. */
export function isContentVolume(volume: Volume): boolean {
  return volume.configMap !== undefined || volume.secret !== undefined || volume.downwardAPI !== undefined || volume.projected !== undefined
}

/** Secrets and tokens never touch a disk. */
export function livesInMemory(volume: Volume): boolean {
  return volume.secret !== undefined || volume.projected !== undefined
}

/** All files of one volume. Throws VolumeError with the words of the FailedMount event. */
export async function contentOf(volume: Volume, pod: Pod, source: ContentSource): Promise<Content> {
  const files = new Map<string, ContentFile>()
  for (const part of partsOf(volume)) {
    for (const [path, file] of await partContent(part, pod, source)) files.set(path, file)
  }
  return files
}

interface Part {
  readonly projection: VolumeProjection
  readonly defaultMode: number
}

function partsOf(volume: Volume): readonly Part[] {
  const { configMap, secret, downwardAPI, projected } = volume
  if (configMap !== undefined) return [{ projection: { configMap }, defaultMode: configMap.defaultMode ?? DEFAULT_MODE }]
  if (secret !== undefined) {
    const { secretName, items, optional, defaultMode } = secret
    return [{ projection: { secret: { name: secretName, items, optional } }, defaultMode: defaultMode ?? DEFAULT_MODE }]
  }
  if (downwardAPI !== undefined) return [{ projection: { downwardAPI }, defaultMode: downwardAPI.defaultMode ?? DEFAULT_MODE }]
  return (projected?.sources ?? []).map((projection) => ({ projection, defaultMode: projected?.defaultMode ?? DEFAULT_MODE }))
}

async function partContent({ projection, defaultMode }: Part, pod: Pod, source: ContentSource): Promise<Content> {
  const { configMap, secret, downwardAPI, serviceAccountToken } = projection
  if (configMap !== undefined)
    return keyed({ type: configMaps, kind: 'configmap', reference: configMap, dataOf: configMapData }, pod, source, defaultMode)
  if (secret !== undefined) return keyed({ type: secrets, kind: 'secret', reference: secret, dataOf: secretData }, pod, source, defaultMode)
  if (downwardAPI !== undefined)
    return new Map((downwardAPI.items ?? []).map((item) => [checkedPath(item.path), downwardFile(item, pod, source.node, defaultMode)]))
  if (serviceAccountToken !== undefined) {
    const token = await source.token({
      audience: serviceAccountToken.audience,
      expirationSeconds: serviceAccountToken.expirationSeconds ?? 3600,
    })
    return new Map([[checkedPath(serviceAccountToken.path), tokenFile(token, pod, defaultMode)]])
  }
  throw new VolumeError('clusterTrustBundle and podCertificate projections are not supported')
}

/** A token is private to the user that all containers run as, when there is one. Source: Kubernetes, token projection permissions. */
function tokenFile(token: string, pod: Pod, defaultMode: number): ContentFile {
  const content = Buffer.from(token)
  const users = new Set(pod.spec.containers.map((container) => container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser))
  const [only] = users
  if (pod.spec.securityContext?.fsGroup !== undefined) return { content, mode: 0o600 }
  return users.size === 1 && only !== undefined ? { content, mode: 0o600, uid: only } : { content, mode: defaultMode }
}

interface KeyedSource<T> {
  readonly type: ResourceType<T>
  readonly kind: string
  readonly reference: {
    readonly name?: string | undefined
    readonly items?: readonly KeyToPath[] | undefined
    readonly optional?: boolean | undefined
  }
  readonly dataOf: (object: T) => ReadonlyMap<string, Uint8Array>
}

async function keyed<T extends KubeObject>(from: KeyedSource<T>, pod: Pod, source: ContentSource, defaultMode: number): Promise<Content> {
  const { reference, kind } = from
  const name = reference.name ?? ''
  const object = await source.read(from.type, { namespace: pod.metadata.namespace, name })
  if (object === undefined) {
    if (reference.optional === true) return new Map()
    throw new VolumeError(`${kind} "${name}" not found`)
  }
  const data = from.dataOf(object)
  if (reference.items === undefined || reference.items.length === 0)
    return new Map([...data].map(([key, content]) => [key, { content, mode: defaultMode }]))
  const files = new Map<string, ContentFile>()
  for (const { key, path, mode } of reference.items) {
    const content = data.get(key)
    if (content !== undefined) files.set(checkedPath(path), { content, mode: mode ?? defaultMode })
    else if (reference.optional !== true) throw new VolumeError(`references non-existent ${kind} key: ${key}`)
  }
  return files
}

function downwardFile(item: DownwardAPIVolumeFile, pod: Pod, node: NodeFacts, defaultMode: number): ContentFile {
  const value =
    item.fieldRef !== undefined
      ? fieldValue(pod, item.fieldRef, node)
      : item.resourceFieldRef === undefined
        ? undefined
        : resourceValue(pod, item.resourceFieldRef, node)
  if (value === undefined)
    throw new VolumeError(`downward API: cannot read ${item.fieldRef?.fieldPath ?? item.resourceFieldRef?.resource ?? item.path}`)
  return { content: Buffer.from(value), mode: item.mode ?? defaultMode }
}

function configMapData(map: ConfigMap): ReadonlyMap<string, Uint8Array> {
  const text = Object.entries(map.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const)
  const binary = Object.entries(map.binaryData ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const)
  return new Map([...text, ...binary])
}

function secretData(secret: Secret): ReadonlyMap<string, Uint8Array> {
  return new Map(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]))
}

/** The API server refuses such paths; a second look costs nothing where files are written as root. */
function checkedPath(path: string): string {
  if (path === '' || path.startsWith('/') || path.split('/').includes('..'))
    throw new VolumeError(`path ${JSON.stringify(path)} leaves the volume`)
  return path
}
