import { persistentVolumeClaims, persistentVolumes, pods, volumeAttributesClasses } from '../../core/api/kinds.ts'
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../core/api/types/core-v1.ts'
import type { VolumeAttributesClass } from '../../core/api/types/storage-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Informer, Lister } from '../../core/client/informer.ts'
import { type Draft, type KubeObject, keyOf, type ObjectKey, objectKey } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { isFinished } from '../runtime/pod.ts'

/**
 * Keep claims while a pod uses them, volumes while a claim is bound to them and attribute classes while a claim or volume names
 * them, by a finalizer that goes last.
 * Source: Kubernetes documentation, "Persistent Volumes", storage object in use protection.
 */
export interface ClaimProtectionDeps {
  readonly client: Client
  readonly claims: Lister<PersistentVolumeClaim>
  readonly pods: Informer<Pod>
}

export interface VolumeProtectionDeps {
  readonly client: Client
  readonly volumes: Lister<PersistentVolume>
}

export interface AttributesClassProtectionDeps {
  readonly client: Client
  readonly attributesClasses: Lister<VolumeAttributesClass>
  readonly claims: Informer<PersistentVolumeClaim>
  readonly volumes: Informer<PersistentVolume>
}

const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection'
const VOLUME_FINALIZER = 'kubernetes.io/pv-protection'
const ATTRIBUTES_CLASS_FINALIZER = 'kubernetes.io/vac-protection'
const BY_ATTRIBUTES_CLASS = 'attributesClasses'
const BY_CLAIM = 'claimsOfPod'

export function claimProtectionController(deps: ClaimProtectionDeps): Controller {
  deps.pods.addIndex(BY_CLAIM, claimKeysOf)
  return {
    name: 'persistentvolumeclaim-protection',
    concurrency: 5,
    watches: [watch(persistentVolumeClaims, (claim) => [keyOf(claim)]), watch(pods, claimKeysOf)],
    reconcile: (key, context) => protectClaim(key, deps, context),
  }
}

export function volumeProtectionController(deps: VolumeProtectionDeps): Controller {
  return {
    name: 'persistentvolume-protection',
    concurrency: 5,
    watches: [watch(persistentVolumes, (volume) => [keyOf(volume)])],
    reconcile: (key, context) => protectVolume(key, deps, context),
  }
}

export function attributesClassProtectionController(deps: AttributesClassProtectionDeps): Controller {
  deps.claims.addIndex(BY_ATTRIBUTES_CLASS, classesOfClaim)
  deps.volumes.addIndex(BY_ATTRIBUTES_CLASS, classesOfVolume)
  return {
    name: 'volumeattributesclass-protection',
    concurrency: 1,
    watches: [
      watch(volumeAttributesClasses, (found) => [keyOf(found)]),
      watch(persistentVolumeClaims, classesOfClaim),
      watch(persistentVolumes, classesOfVolume),
    ],
    reconcile: (key, context) => protectAttributesClass(key, deps, context),
  }
}

const classKeys = (names: readonly (string | undefined)[]): readonly ObjectKey[] =>
  names.flatMap((name) => (name === undefined || name === '' ? [] : [objectKey(undefined, name)]))

/** Asked for, had at present, and on the way to. */
function classesOfClaim({ spec, status }: PersistentVolumeClaim): readonly ObjectKey[] {
  const { currentVolumeAttributesClassName, modifyVolumeStatus } = status
  return classKeys([spec.volumeAttributesClassName, currentVolumeAttributesClassName, modifyVolumeStatus?.targetVolumeAttributesClassName])
}

const classesOfVolume = ({ spec }: PersistentVolume): readonly ObjectKey[] => classKeys([spec.volumeAttributesClassName])

/** Claims that a pod mounts, those made for its ephemeral volumes included. */
export function claimKeysOf({ metadata, spec }: Pod): readonly ObjectKey[] {
  return (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined) return [objectKey(metadata.namespace, persistentVolumeClaim.claimName)]
    return ephemeral === undefined ? [] : [objectKey(metadata.namespace, `${metadata.name}-${name}`)]
  })
}

async function protectClaim(key: ObjectKey, deps: ClaimProtectionDeps, { signal }: ReconcileContext): Promise<Result> {
  const claim = deps.claims.get(key)
  if (claim === undefined) return done
  if (claim.metadata.deletionTimestamp === undefined) {
    await addFinalizer(deps.client, persistentVolumeClaims, claim, { finalizer: CLAIM_FINALIZER, signal })
    return done
  }
  if (!has(claim, CLAIM_FINALIZER) || deps.pods.byIndex(BY_CLAIM, key).some(uses)) return done
  // A pod may have been bound a moment ago: data is at stake, so the server is asked.
  const { namespace } = claim.metadata
  const fresh = await deps.client.list(pods, { namespace }, signal)
  if (fresh.items.some((pod) => uses(pod) && claimKeysOf(pod).includes(key))) return done
  await removeFinalizer(deps.client, persistentVolumeClaims, claim, { finalizer: CLAIM_FINALIZER, signal })
  return done
}

/** A pod without node cannot have mounted anything, and will not be started with a claim that is being deleted. */
function uses(pod: Pod): boolean {
  return pod.spec.nodeName !== undefined && pod.spec.nodeName !== '' && !isFinished(pod)
}

async function protectVolume(key: ObjectKey, deps: VolumeProtectionDeps, { signal }: ReconcileContext): Promise<Result> {
  const volume = deps.volumes.get(key)
  if (volume === undefined) return done
  const request = { finalizer: VOLUME_FINALIZER, signal }
  if (volume.metadata.deletionTimestamp === undefined) await addFinalizer(deps.client, persistentVolumes, volume, request)
  else if (volume.status.phase !== 'Bound') await removeFinalizer(deps.client, persistentVolumes, volume, request)
  return done
}

async function protectAttributesClass(key: ObjectKey, deps: AttributesClassProtectionDeps, { signal }: ReconcileContext): Promise<Result> {
  const found = deps.attributesClasses.get(key)
  if (found === undefined) return done
  const request = { finalizer: ATTRIBUTES_CLASS_FINALIZER, signal }
  const isUsed = deps.claims.byIndex(BY_ATTRIBUTES_CLASS, key).length + deps.volumes.byIndex(BY_ATTRIBUTES_CLASS, key).length > 0
  if (found.metadata.deletionTimestamp === undefined) await addFinalizer(deps.client, volumeAttributesClasses, found, request)
  else if (!isUsed) await removeFinalizer(deps.client, volumeAttributesClasses, found, request)
  return done
}

interface FinalizerRequest {
  readonly finalizer: string
  readonly signal: AbortSignal
}

function has({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false
}

async function addFinalizer<T extends KubeObject>(
  client: Client,
  type: ResourceType<T>,
  object: T,
  request: FinalizerRequest,
): Promise<void> {
  const finalizers = [...(object.metadata.finalizers ?? []), request.finalizer]
  if (!has(object, request.finalizer)) await write(client, type, object, { finalizers, signal: request.signal })
}

async function removeFinalizer<T extends KubeObject>(
  client: Client,
  type: ResourceType<T>,
  object: T,
  request: FinalizerRequest,
): Promise<void> {
  const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== request.finalizer)
  if (has(object, request.finalizer)) await write(client, type, object, { finalizers, signal: request.signal })
}

async function write<T extends KubeObject>(
  client: Client,
  type: ResourceType<T>,
  object: T,
  { finalizers, signal }: { readonly finalizers: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
  // The roles of these controllers allow an update and no patch.
  const next = { ...object, metadata: { ...object.metadata, finalizers } } as unknown as Draft<T>
  await ignoreNotFound(client.update(type, next, { signal }))
}
