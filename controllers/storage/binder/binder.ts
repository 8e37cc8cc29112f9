import { persistentVolumeClaims, persistentVolumes, storageClasses } from '../../../core/api/kinds.ts'
import type { PersistentVolume, PersistentVolumeClaim } from '../../../core/api/types/core-v1.ts'
import type { StorageClass } from '../../../core/api/types/storage-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Lister } from '../../../core/client/informer.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { keyOf, type ObjectKey, objectKey } from '../../../core/meta/object.ts'
import { ignoreNotFound } from '../../../core/meta/status-error.ts'
import type { Clock } from '../../../core/runtime/clock.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { bestMatch, classOfClaim, classOfVolume, defaultClass, isBoundTo, isDelayed, mismatch } from './match.ts'
import { BIND_COMPLETED, BinderWrites } from './writes.ts'

/**
 * Binds claims to volumes, asks provisioners for volumes where none fits, and reclaims volumes whose claim is gone.
 * Keys are `claim:namespace/name` and `volume:name`. Source: Kubernetes documentation, "Persistent Volumes".
 */
export interface BinderDeps {
  readonly client: Client
  readonly claims: Lister<PersistentVolumeClaim>
  readonly volumes: Lister<PersistentVolume>
  readonly classes: Lister<StorageClass>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

const PROVISIONER = 'volume.kubernetes.io/storage-provisioner'
const OLD_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner'
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by'
const CLAIM = 'claim:'
const VOLUME = 'volume:'

export function persistentVolumeBinder(deps: BinderDeps): Controller {
  return {
    name: 'persistentvolume-binder',
    // One at a time: claims compete for the same volumes, and a lost race costs more than the wait.
    concurrency: 1,
    watches: [
      watch(persistentVolumeClaims, ({ metadata, spec }) => [
        claimKey(keyOf({ metadata })),
        ...(spec.volumeName === undefined || spec.volumeName === '' ? [] : [volumeKey(spec.volumeName)]),
      ]),
      watch(persistentVolumes, (volume) => keysOfVolume(volume, deps)),
      watch(storageClasses, ({ metadata }) => waitingClaims(deps, (name) => name === undefined || name === metadata.name)),
    ],
    reconcile: async (key, context) => {
      const sync = new Sync(deps, context)
      return key.startsWith(CLAIM) ? sync.claim(key.slice(CLAIM.length)) : sync.volume(key.slice(VOLUME.length))
    },
  }
}

const claimKey = (key: string): ObjectKey => `${CLAIM}${key}` as ObjectKey
const volumeKey = (name: string): ObjectKey => `${VOLUME}${name}` as ObjectKey

/** The volume itself, the claim it names, and where it is free whoever waits for one of its class. */
function keysOfVolume(volume: PersistentVolume, deps: BinderDeps): readonly ObjectKey[] {
  const { claimRef } = volume.spec
  const own = volumeKey(volume.metadata.name)
  if (claimRef !== undefined) return [own, claimKey(objectKey(claimRef.namespace, claimRef.name ?? ''))]
  return volume.status.phase === 'Available' ? [own, ...waitingClaims(deps, (name) => (name ?? '') === classOfVolume(volume))] : [own]
}

function waitingClaims({ claims }: BinderDeps, wanted: (storageClass: string | undefined) => boolean): readonly ObjectKey[] {
  return claims
    .list()
    .filter((claim) => claim.metadata.annotations?.[BIND_COMPLETED] === undefined && wanted(classOfClaim(claim)))
    .map((claim) => claimKey(keyOf(claim)))
}

class Sync {
  readonly #deps: BinderDeps
  readonly #writes: BinderWrites
  readonly #signal: AbortSignal

  constructor(deps: BinderDeps, { signal }: ReconcileContext) {
    this.#deps = deps
    this.#writes = new BinderWrites(deps, signal)
    this.#signal = signal
  }

  async claim(key: string): Promise<Result> {
    const claim = this.#deps.claims.get(key)
    if (claim === undefined) return done
    if (claim.metadata.annotations?.[BIND_COMPLETED] !== undefined) await this.#keepBound(claim)
    else if (claim.spec.volumeName === undefined || claim.spec.volumeName === '') await this.#findVolume(claim)
    else await this.#takeNamed(claim, claim.spec.volumeName)
    return done
  }

  async #keepBound(claim: PersistentVolumeClaim): Promise<void> {
    const { volumeName = '' } = claim.spec
    if (volumeName === '') {
      await this.#writes.lose(claim, 'ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!')
      return
    }
    const volume = this.#deps.volumes.get(volumeName) ?? (await this.#readVolume(volumeName))
    if (volume === undefined) {
      await this.#writes.lose(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!')
    } else if (volume.spec.claimRef === undefined || isBoundTo(volume, claim)) await this.#writes.bind(volume, claim)
    else await this.#writes.lose(claim, 'ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly')
  }

  /** Losing data is said for good, so the cache alone must not decide it. */
  #readVolume(name: string): Promise<PersistentVolume | undefined> {
    return ignoreNotFound(this.#deps.client.get(persistentVolumes, { name }, this.#signal))
  }

  async #takeNamed(claim: PersistentVolumeClaim, name: string): Promise<void> {
    const volume = this.#deps.volumes.get(name)
    if (volume !== undefined && isBoundTo(volume, claim)) {
      await this.#writes.bind(volume, claim)
      return
    }
    const problem = volume === undefined ? undefined : mismatch(volume, claim)
    if (volume !== undefined && volume.spec.claimRef === undefined && problem === undefined) {
      await this.#writes.bind(volume, claim)
      return
    }
    if (problem !== undefined && volume?.spec.claimRef === undefined) {
      this.#deps.recorder.event(claim, 'Warning', 'VolumeMismatch', `Cannot bind to requested volume ${JSON.stringify(name)}: ${problem}`)
    } else if (volume?.spec.claimRef !== undefined) {
      this.#deps.recorder.event(claim, 'Warning', 'FailedBinding', `volume ${JSON.stringify(name)} already bound to a different claim.`)
    }
    await this.#writes.claimStatus(claim, { phase: 'Pending' })
  }

  async #findVolume(given: PersistentVolumeClaim): Promise<void> {
    const claim = await this.#withClass(given)
    const className = classOfClaim(claim)
    const storageClass = className === undefined || className === '' ? undefined : this.#deps.classes.get(className)
    const delayed = isDelayed(claim, storageClass)
    const volume = bestMatch(claim, this.#deps.volumes.list(), delayed)
    if (volume !== undefined) {
      await this.#writes.bind(volume, claim)
      return
    }
    const waiting = claim.metadata.deletionTimestamp === undefined ? await this.#askProvisioner(claim, storageClass, delayed) : claim
    await this.#writes.claimStatus(waiting, { phase: 'Pending' })
  }

  /** A claim made before there was a default class gets it now. */
  async #withClass(claim: PersistentVolumeClaim): Promise<PersistentVolumeClaim> {
    if (classOfClaim(claim) !== undefined) return claim
    const found = defaultClass(this.#deps.classes.list())
    return found === undefined ? claim : this.#writes.assignClass(claim, found.metadata.name)
  }

  async #askProvisioner(
    claim: PersistentVolumeClaim,
    storageClass: StorageClass | undefined,
    delayed: boolean,
  ): Promise<PersistentVolumeClaim> {
    const { recorder } = this.#deps
    const name = classOfClaim(claim) ?? ''
    if (delayed) {
      recorder.event(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding')
      return claim
    }
    if (name === '') {
      recorder.event(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set')
      return claim
    }
    if (storageClass === undefined) {
      recorder.event(claim, 'Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io ${JSON.stringify(name)} not found`)
      return claim
    }
    if (storageClass.provisioner === 'kubernetes.io/no-provisioner') return claim
    const { provisioner } = storageClass
    const asked = await this.#writes.annotateClaim(claim, { [PROVISIONER]: provisioner, [OLD_PROVISIONER]: provisioner })
    const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`
    recorder.event(claim, 'Normal', 'ExternalProvisioning', message)
    return asked
  }

  async volume(name: string): Promise<Result> {
    const volume = this.#deps.volumes.get(name)
    if (volume === undefined) return done
    const { claimRef } = volume.spec
    if (claimRef?.uid === undefined || claimRef.uid === '') {
      // Free, or reserved for a claim that is still to come.
      await this.#writes.volumePhase(volume, 'Available')
      return done
    }
    const claim = await this.#claimOf(volume)
    if (claim === undefined) await this.#releaseVolume(volume)
    else if (claim.spec.volumeName === volume.metadata.name) await this.#writes.volumePhase(volume, 'Bound')
    else if (claim.spec.volumeName !== undefined && claim.spec.volumeName !== '') await this.#giveBack(volume)
    return done
  }

  /** Undefined when it is gone for sure: a claim made anew under the name is another one. */
  async #claimOf({ spec }: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
    const { namespace, name = '', uid } = spec.claimRef ?? {}
    const cached = this.#deps.claims.get(objectKey(namespace, name))
    if (cached?.metadata.uid === uid) return cached
    const fresh = await ignoreNotFound(this.#deps.client.get(persistentVolumeClaims, { namespace, name }, this.#signal))
    return fresh?.metadata.uid === uid ? fresh : undefined
  }

  /** Its claim went to another volume: what was made for the claim goes, what was found for it is free again. */
  async #giveBack(volume: PersistentVolume): Promise<void> {
    const provisioned = volume.metadata.annotations?.[PROVISIONED_BY] !== undefined
    if (provisioned && volume.spec.persistentVolumeReclaimPolicy === 'Delete') await this.#releaseVolume(volume)
    else await this.#writes.unbind(volume)
  }

  async #releaseVolume(volume: PersistentVolume): Promise<void> {
    if (volume.status.phase === 'Failed') return
    const released = await this.#writes.volumePhase(volume, 'Released')
    const policy = released.spec.persistentVolumeReclaimPolicy ?? 'Retain'
    if (policy === 'Retain') return
    // Whoever made the volume sees it released and deletes it; only what nobody made here is a dead end.
    const provisioned = released.metadata.annotations?.[PROVISIONED_BY] !== undefined || released.spec.csi !== undefined
    if (policy === 'Delete' && provisioned) return
    const [reason, message] =
      policy === 'Delete'
        ? [
            'VolumeFailedDelete',
            `error getting deleter volume plugin for volume ${JSON.stringify(volume.metadata.name)}: no deletable volume plugin matched`,
          ]
        : ['VolumeFailedRecycle', 'No recycler plugin found for the volume!']
    await this.#writes.volumePhase(released, 'Failed', message)
    this.#deps.recorder.event(released, 'Warning', reason, message)
  }
}
