import { persistentVolumeClaims, pods } from '../../core/api/kinds.ts'
import type { PersistentVolumeClaim, Pod, Volume } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import { type Draft, keyOf, type ObjectKey, objectKey } from '../../core/meta/object.ts'
import { controllerReference, isControlledBy } from '../../core/meta/owner.ts'
import { isAlreadyExists } from '../../core/meta/status-error.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { isNamespaceTerminating, messageOf } from '../runtime/failure.ts'
import { controllerKeys } from '../runtime/owned.ts'

/**
 * Makes the claim of each generic ephemeral volume of a pod, owned by the pod and gone with it.
 * Source: Kubernetes documentation, "Ephemeral Volumes", generic ephemeral volumes.
 */
export interface EphemeralVolumeDeps {
  readonly client: Client
  readonly pods: Lister<Pod>
  readonly claims: Lister<PersistentVolumeClaim>
  readonly recorder: EventRecorder
}

export function ephemeralVolumeController(deps: EphemeralVolumeDeps): Controller {
  return {
    name: 'ephemeral-volume',
    concurrency: 5,
    watches: [
      watch(pods, (pod) => (ephemeralVolumes(pod).length > 0 ? [keyOf(pod)] : [])),
      watch(persistentVolumeClaims, controllerKeys(pods)),
    ],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

function ephemeralVolumes({ spec }: Pod): readonly Volume[] {
  return (spec.volumes ?? []).filter(({ ephemeral }) => ephemeral?.volumeClaimTemplate !== undefined)
}

async function reconcile(key: ObjectKey, deps: EphemeralVolumeDeps, { signal }: ReconcileContext): Promise<Result> {
  const pod = deps.pods.get(key)
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return done
  for (const volume of ephemeralVolumes(pod)) {
    try {
      await ensureClaim(pod, volume, deps, signal)
    } catch (err) {
      signal.throwIfAborted()
      if (isNamespaceTerminating(err)) return done
      deps.recorder.event(pod, 'Warning', 'FailedBinding', `ephemeral volume ${volume.name}: ${messageOf(err)}`)
      throw err
    }
  }
  return done
}

async function ensureClaim(pod: Pod, volume: Volume, { client, claims }: EphemeralVolumeDeps, signal: AbortSignal): Promise<void> {
  const draft = claimFor(pod, volume)
  const name = draft.metadata?.name ?? ''
  let claim = claims.get(objectKey(pod.metadata.namespace, name))
  if (claim === undefined) {
    try {
      claim = await client.create(persistentVolumeClaims, draft, { signal })
    } catch (err) {
      if (!isAlreadyExists(err)) throw err
      claim = await client.get(persistentVolumeClaims, { namespace: pod.metadata.namespace, name }, signal)
    }
  }
  // A claim somebody else made under this name holds somebody else's data.
  if (!isControlledBy(claim, pod)) throw new Error(`PVC "${name}" was not created for pod "${pod.metadata.name}" (pod is not owner)`)
}

/** The claim that lives and dies with its pod. */
export function claimFor({ metadata }: Pod, { name, ephemeral }: Volume): Draft<PersistentVolumeClaim> {
  const template = ephemeral?.volumeClaimTemplate
  return {
    metadata: {
      namespace: metadata.namespace,
      name: `${metadata.name}-${name}`,
      labels: { ...template?.metadata.labels },
      annotations: { ...template?.metadata.annotations },
      ownerReferences: [controllerReference(pods, { metadata })],
    },
    spec: template?.spec,
  }
}
