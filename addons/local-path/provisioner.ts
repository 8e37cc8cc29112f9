import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { nodes, persistentVolumes, pods } from '../../core/api/kinds.ts'
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../core/api/types/core-v1.ts'
import type { StorageClass } from '../../core/api/types/storage-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import type { Draft } from '../../core/meta/object.ts'
import { StatusError } from '../../core/meta/status-error.ts'
import type { Logger } from '../../core/observability/log.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import { parseYaml } from '../../core/runtime/yaml.ts'
import { choosePath, parseConfig, type ProvisionerConfig } from './config.ts'
import {
  assertPossible,
  folderFor,
  helperPodFor,
  type HelperInput,
  placeOf,
  SELECTED_NODE,
  sizeBytesOf,
  volumeFor,
  volumeName,
  wantsRemoval,
  wantsVolume,
} from './plan.ts'

export interface ProvisionerDeps {
  readonly client: Client
  readonly claims: Lister<PersistentVolumeClaim>
  readonly volumes: Lister<PersistentVolume>
  readonly classes: Lister<StorageClass>
  readonly recorder: EventRecorder
  readonly clock: Clock
  readonly log: Logger
  /** Where helper pods run: the provisioner's own namespace. */
  readonly namespace: string
  readonly configFile: string
  readonly configMap: string
  readonly random: () => number
}

const POLL_MS = 1_000

/** One claim or volume at a time; every step may be repeated after a crash. */
export class Provisioner {
  readonly #deps: ProvisionerDeps
  #lastGood: ProvisionerConfig | undefined

  constructor(deps: ProvisionerDeps) {
    this.#deps = deps
  }

  /** Makes the volume of a claim when it wants one. Throws when it cannot (yet) be made. */
  async provision(key: string, signal: AbortSignal): Promise<void> {
    const { claims, classes, client, log, random, volumes } = this.#deps
    const claim = claims.get(key)
    const storageClass = classes.get(claim?.spec.storageClassName ?? '')
    if (claim === undefined || storageClass === undefined || !wantsVolume(claim, storageClass)) return
    if (volumes.get(volumeName(claim)) !== undefined) return
    const { namespace, name } = claim.metadata
    this.#deps.recorder.event(
      claim,
      'Normal',
      'Provisioning',
      `External provisioner is provisioning volume for claim "${namespace ?? ''}/${name}"`,
    )
    const config = this.#config()
    const shared = config.sharedPath !== undefined
    assertPossible(claim, shared)
    const selected = claim.metadata.annotations?.[SELECTED_NODE]
    const node = selected === undefined ? undefined : await this.#node(selected, signal)
    if (!shared && node === undefined) {
      throw new Error(selected === undefined ? 'configuration error, no node was specified' : `node ${selected} does not exist`)
    }
    const base = choosePath(config, selected ?? '', { wanted: storageClass.parameters?.nodePath, random })
    const path = join(base, folderFor(claim, storageClass))
    const hostname = node?.metadata.labels?.['kubernetes.io/hostname'] ?? node?.metadata.name ?? ''
    const place = shared || node === undefined ? undefined : { name: node.metadata.name, hostname }
    const volume = volumeFor({ claim, storageClass, path, node: place })
    const size = sizeBytesOf(claim.spec.resources.requests?.storage)
    await this.#runHelper({ action: 'create', volume: volumeName(claim), path, node: node?.metadata.name, sizeBytes: size }, config, signal)
    await ignoring('AlreadyExists', client.create(persistentVolumes, volume, { signal }))
    this.#deps.recorder.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volumeName(claim)}`)
    log.info({ claim: key, volume: volumeName(claim), path, node: selected }, 'Volume provisioned')
  }

  /** Removes a released volume with its folder. The folder of a node that is gone is left: nobody can reach it. */
  async remove(name: string, signal: AbortSignal): Promise<void> {
    const { client, log, volumes } = this.#deps
    const volume = volumes.get(name)
    if (volume === undefined || !wantsRemoval(volume)) return
    const config = this.#config()
    const { path, node } = placeOf(volume)
    if (node === undefined || (await this.#node(node, signal)) !== undefined) {
      const sizeBytes = sizeBytesOf(volume.spec.capacity?.storage)
      await this.#runHelper({ action: 'delete', volume: name, path, node, sizeBytes }, config, signal)
    } else log.warn({ volume: name, node }, 'Node is gone, its folder is not cleaned up')
    await ignoring('NotFound', client.delete(persistentVolumes, { name }, { signal, preconditions: { uid: volume.metadata.uid } }))
    log.info({ volume: name, path, node }, 'Volume removed')
  }

  /** Read at each use, so that an edited ConfigMap counts from the next volume on; a broken one leaves the last good one in force. */
  #config(): ProvisionerConfig {
    try {
      this.#lastGood = parseConfig(readFileSync(this.#deps.configFile, 'utf8'))
    } catch (err) {
      if (this.#lastGood === undefined) throw err
      this.#deps.log.warn({ err }, 'Configuration is invalid, the last good one is used')
    }
    return this.#lastGood
  }

  async #node(name: string, signal: AbortSignal): Promise<Node | undefined> {
    return await ignoring('NotFound', this.#deps.client.get(nodes, { name }, signal))
  }

  async #runHelper(
    part: Omit<HelperInput, 'namespace' | 'mode' | 'configMap'>,
    config: ProvisionerConfig,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock, configFile, configMap, namespace } = this.#deps
    const template = parseYaml(readFileSync(join(dirname(configFile), 'helperPod.yaml'), 'utf8')) as Draft<Pod>
    const pod = helperPodFor(template, { ...part, namespace, configMap, mode: 'Filesystem' })
    const name = { namespace, name: pod.metadata?.name ?? '' }
    // A pod of an earlier attempt does the same work: it is waited for, not made again.
    await ignoring('AlreadyExists', client.create(pods, pod, { signal }))
    try {
      const deadlineMs = clock.now() + config.commandTimeoutMs
      for (;;) {
        const { status } = await client.get(pods, name, signal)
        if (status.phase === 'Succeeded') return
        if (status.phase === 'Failed') throw new Error(`helper pod ${name.name} failed: ${failureOf(status)}`)
        if (clock.now() >= deadlineMs) throw new Error(`${part.action} process timeout after ${config.commandTimeoutMs / 1000} seconds`)
        await clock.sleep(POLL_MS, signal)
      }
    } finally {
      await this.#deletePod(name, signal)
    }
  }

  /** A pod that stays behind would be taken for the next attempt's. */
  async #deletePod(name: { readonly namespace: string; readonly name: string }, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await ignoring('NotFound', this.#deps.client.delete(pods, name, { signal, gracePeriodSeconds: 0 }))
  }
}

function failureOf(status: Pod['status']): string {
  const ended = status.containerStatuses?.[0]?.state.terminated
  return ended?.message ?? ended?.reason ?? status.message ?? 'unknown'
}

async function ignoring<T>(reason: 'NotFound' | 'AlreadyExists', action: Promise<T>): Promise<T | undefined> {
  try {
    return await action
  } catch (err) {
    if (err instanceof StatusError && err.reason === reason) return undefined
    throw err
  }
}
