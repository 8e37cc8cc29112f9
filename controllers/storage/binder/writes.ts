import { persistentVolumeClaims, persistentVolumes } from '../../../core/api/kinds.ts'
import type { PersistentVolume, PersistentVolumeClaim } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import { type Clock, toTimestamp } from '../../../core/runtime/clock.ts'

export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed'
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller'

export interface WriteDeps {
  readonly client: Client
  readonly recorder: EventRecorder
  readonly clock: Clock
}

/** The writes of the binder. Each answers the object as stored, so that the next one builds on it. */
export class BinderWrites {
  readonly #deps: WriteDeps
  readonly #signal: AbortSignal

  constructor(deps: WriteDeps, signal: AbortSignal) {
    this.#deps = deps
    this.#signal = signal
  }

  /**
   * Ties both objects to each other in four writes; interrupted anywhere, the next reconcile goes on. The volume comes
   * first: its conditional update decides between two claims that want it.
   */
  async bind(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
    const tied = await this.#tieVolume(volume, claim)
    const bound = await this.volumePhase(tied, 'Bound')
    const complete = await this.#tieClaim(claim, bound)
    await this.claimStatus(complete, {
      phase: 'Bound',
      accessModes: bound.spec.accessModes,
      capacity: complete.status.phase === 'Bound' ? (complete.status.capacity ?? bound.spec.capacity) : bound.spec.capacity,
    })
  }

  async #tieVolume(volume: PersistentVolume, { metadata }: PersistentVolumeClaim): Promise<PersistentVolume> {
    const { claimRef } = volume.spec
    if (claimRef?.uid === metadata.uid && claimRef.name === metadata.name) return volume
    const { namespace, name, uid, resourceVersion } = metadata
    const reference = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion }
    // A reference that was there before is the user's, and stays when the volume is let go.
    const annotations =
      claimRef === undefined ? { ...volume.metadata.annotations, [BOUND_BY_CONTROLLER]: 'yes' } : volume.metadata.annotations
    const next = {
      ...volume,
      metadata: { ...volume.metadata, annotations },
      spec: { ...volume.spec, claimRef: { ...claimRef, ...reference } },
    }
    return this.#deps.client.update(persistentVolumes, next, { signal: this.#signal })
  }

  async #tieClaim(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<PersistentVolumeClaim> {
    const chosen = claim.spec.volumeName === volume.metadata.name
    const { annotations = {} } = claim.metadata
    if (chosen && annotations[BIND_COMPLETED] !== undefined) return claim
    const next = {
      ...claim,
      metadata: {
        ...claim.metadata,
        annotations: { ...annotations, [BIND_COMPLETED]: 'yes', ...(!chosen && { [BOUND_BY_CONTROLLER]: 'yes' }) },
      },
      spec: { ...claim.spec, volumeName: volume.metadata.name },
    }
    return this.#deps.client.update(persistentVolumeClaims, next, { signal: this.#signal })
  }

  async volumePhase(
    volume: PersistentVolume,
    phase: NonNullable<PersistentVolume['status']['phase']>,
    message?: string,
  ): Promise<PersistentVolume> {
    if (volume.status.phase === phase && volume.status.message === message) return volume
    const status = {
      phase,
      ...(message !== undefined && { message }),
      lastPhaseTransitionTime: volume.status.phase === phase ? volume.status.lastPhaseTransitionTime : toTimestamp(this.#deps.clock.now()),
    }
    return this.#deps.client.updateStatus(persistentVolumes, { ...volume, status }, { signal: this.#signal })
  }

  async claimStatus(claim: PersistentVolumeClaim, change: Partial<PersistentVolumeClaim['status']>): Promise<PersistentVolumeClaim> {
    const status = { ...claim.status, ...change }
    if (deepEqual(status, claim.status)) return claim
    return this.#deps.client.updateStatus(persistentVolumeClaims, { ...claim, status }, { signal: this.#signal })
  }

  /** A bound claim whose volume is gone: nobody can bring the data back. Told once. */
  async lose(claim: PersistentVolumeClaim, reason: string, message: string): Promise<void> {
    if (claim.status.phase === 'Lost') return
    await this.claimStatus(claim, { phase: 'Lost', accessModes: undefined, capacity: undefined })
    this.#deps.recorder.event(claim, 'Warning', reason, message)
  }

  /** Gives a volume back; one that the user reserved keeps its reference without the uid. */
  async unbind(volume: PersistentVolume): Promise<void> {
    const ours = volume.metadata.annotations?.[BOUND_BY_CONTROLLER] !== undefined
    const annotations = { ...volume.metadata.annotations }
    delete annotations[BOUND_BY_CONTROLLER]
    const claimRef =
      ours || volume.spec.claimRef === undefined ? undefined : { ...volume.spec.claimRef, uid: undefined, resourceVersion: undefined }
    const next = { ...volume, metadata: { ...volume.metadata, annotations }, spec: { ...volume.spec, claimRef } }
    const freed = await this.#deps.client.update(persistentVolumes, next, { signal: this.#signal })
    await this.volumePhase(freed, 'Available')
  }

  async annotateClaim(claim: PersistentVolumeClaim, added: Readonly<Record<string, string>>): Promise<PersistentVolumeClaim> {
    const annotations = { ...claim.metadata.annotations, ...added }
    if (deepEqual(annotations, claim.metadata.annotations)) return claim
    const next = { ...claim, metadata: { ...claim.metadata, annotations } }
    return this.#deps.client.update(persistentVolumeClaims, next, { signal: this.#signal })
  }

  assignClass(claim: PersistentVolumeClaim, storageClassName: string): Promise<PersistentVolumeClaim> {
    const next = { ...claim, spec: { ...claim.spec, storageClassName } }
    return this.#deps.client.update(persistentVolumeClaims, next, { signal: this.#signal })
  }
}
