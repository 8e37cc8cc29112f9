/**
 * Volumes of the pods on this node: made ready before containers start, kept up to date while they run, and taken away after.
 * Everything of a pod lies below `<kubelet root>/pods/<uid>`, so that a crash leaves nothing that cannot be found again.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Pod, Volume } from '../../api/types/core-v1.ts'
import type { Client } from '../../client/client.ts'
import type { KubeObject, ObjectName } from '../../meta/object.ts'
import { groupResourceOf, type ResourceType } from '../../meta/resource-type.ts'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { NodeFacts } from '../downward/field-ref.ts'
import { type AgentPaths, podDir, podsDir } from '../paths.ts'
import { writeContent } from './atomic-writer.ts'
import { claimNameOf, prepareClaim } from './claims.ts'
import { type ContentSource, contentOf, isContentVolume, livesInMemory } from './content.ts'
import { VolumeError } from './errors.ts'
import { applyFsGroup, checkHostPath, emptyDirFolder, prepareEmptyDir } from './folders.ts'
import { mounts } from './mounts.ts'
import { makeNestedMountPoints } from './nested-mounts.ts'
import { createReferences, type Hold, type References } from './references.ts'
import { prepareSubPath } from './sub-path.ts'
import { PodTokens } from './tokens.ts'

export interface VolumeManager {
  /** Makes all volumes of a pod ready; safe to repeat, and repeating it brings content up to date. Throws VolumeError. */
  prepare(pod: Pod, signal: AbortSignal): Promise<PodVolumes>
  /** Called when the content of a prepared pod should be written again: a referenced object changed or a token is due. */
  onStale(listener: (uid: string) => void): void
  /** Unmounts and removes everything of a pod. Safe to repeat; works for pods of an earlier life of this process. */
  teardown(uid: string): Promise<void>
  /** Pods that still have something on disk. */
  leftovers(): readonly string[]
  /** Follows and renews nothing any more; what is mounted stays for the pods that go on. */
  close(): void
}

export interface PodVolumes {
  get(volumeName: string): PreparedVolume | undefined
  /** Path for a mount with a sub-path. `slot` tells mounts of one container apart. */
  subPath(volumeName: string, subPath: string, slot: { readonly container: string; readonly index: number }): Promise<string>
}

export interface PreparedVolume {
  readonly path: string
  readonly readOnly: boolean
  /** A raw device, for volumeDevices. */
  readonly block: boolean
}

export interface VolumeDeps {
  readonly client: Client
  readonly paths: AgentPaths
  readonly node: () => NodeFacts
  readonly clock: Clock
  readonly log: Logger
}

export function createVolumeManager(deps: VolumeDeps): VolumeManager {
  return new Volumes(deps)
}

interface Held {
  readonly holds: Map<string, Hold<KubeObject>>
  timer: AbortController | undefined
}

class Volumes implements VolumeManager {
  readonly #deps: VolumeDeps
  readonly #references: References
  readonly #tokens: PodTokens
  readonly #held = new Map<string, Held>()
  #listener: (uid: string) => void = () => undefined

  constructor(deps: VolumeDeps) {
    this.#deps = deps
    this.#references = createReferences(deps)
    this.#tokens = new PodTokens(deps.client, deps.clock)
  }

  onStale(listener: (uid: string) => void): void {
    this.#listener = listener
  }

  async prepare(pod: Pod, signal: AbortSignal): Promise<PodVolumes> {
    const { uid } = pod.metadata
    const ready = new Map<string, PreparedVolume>()
    for (const volume of pod.spec.volumes ?? []) ready.set(volume.name, await this.#prepareNamed(volume, pod, signal))
    this.#scheduleRenewal(uid)
    const subPathRoot = join(podDir(this.#deps.paths, uid), 'volume-subpaths')
    return {
      get: (name) => ready.get(name),
      subPath: (name, subPath, { container, index }) => {
        const volume = ready.get(name)
        if (volume === undefined) throw new VolumeError(`volume "${name}" does not exist`)
        return prepareSubPath(volume.path, subPath, join(subPathRoot, name, container, String(index)))
      },
    }
  }

  /** Says which volume it is that fails. */
  async #prepareNamed(volume: Volume, pod: Pod, signal: AbortSignal): Promise<PreparedVolume> {
    try {
      return await this.#prepareOne(volume, pod, signal)
    } catch (err) {
      if (isAborted(signal)) throw err
      const text = err instanceof Error ? err.message : String(err)
      throw new VolumeError(`MountVolume.SetUp failed for volume "${volume.name}" : ${text}`, { cause: err })
    }
  }

  async #prepareOne(volume: Volume, pod: Pod, signal: AbortSignal): Promise<PreparedVolume> {
    const security = pod.spec.securityContext
    const source = this.#sourceFor(pod, signal)
    if (volume.hostPath !== undefined) {
      checkHostPath(volume.hostPath)
      return { path: volume.hostPath.path, readOnly: false, block: volume.hostPath.type === 'BlockDevice' }
    }
    if (isContentVolume(volume)) return this.#prepareContent(volume, pod, source)
    const claim = claimNameOf(volume, pod)
    if (claim !== undefined) {
      const claimed = await prepareClaim(claim, pod, source, this.#folderOf(volume, pod, 'kubernetes.io~nfs'))
      if (claimed.ownable) await applyFsGroup(claimed.path, security)
      return { path: claimed.path, readOnly: claimed.readOnly || volume.persistentVolumeClaim?.readOnly === true, block: claimed.block }
    }
    if (volume.emptyDir !== undefined) {
      const folder = emptyDirFolder(this.#deps.paths, pod.metadata.uid, volume.name)
      const isNew = !existsSync(folder)
      await prepareEmptyDir(volume.emptyDir, folder)
      if (isNew) await applyFsGroup(folder, security)
      return { path: folder, readOnly: false, block: false }
    }
    throw new VolumeError('it is of a type that this node cannot mount')
  }

  async #prepareContent(volume: Volume, pod: Pod, source: ContentSource): Promise<PreparedVolume> {
    const folder = this.#folderOf(volume, pod, contentPlugin(volume))
    const content = await contentOf(volume, pod, source)
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    if (livesInMemory(volume) && !mounts.isMounted(folder)) await mounts.tmpfs(folder, { sizeBytes: undefined })
    makeNestedMountPoints(volume.name, folder, pod)
    writeContent(folder, content, pod.spec.securityContext?.fsGroup, this.#deps.clock.now())
    return { path: folder, readOnly: false, block: false }
  }

  #folderOf(volume: Volume, pod: Pod, plugin: string): string {
    return join(podDir(this.#deps.paths, pod.metadata.uid), 'volumes', plugin, volume.name)
  }

  #sourceFor(pod: Pod, signal: AbortSignal): ContentSource {
    return {
      node: this.#deps.node(),
      read: (type, name) => this.#hold(pod.metadata.uid, type, name).read(signal) as never,
      token: ({ audience, expirationSeconds }) => this.#tokens.get(pod, audience, expirationSeconds, signal),
    }
  }

  #hold<T extends KubeObject>(uid: string, type: ResourceType<T>, name: ObjectName): Hold<KubeObject> {
    const held = this.#heldOf(uid)
    const key = `${groupResourceOf(type)} ${name.namespace ?? ''}/${name.name}`
    let hold = held.holds.get(key)
    if (hold === undefined) {
      hold = this.#references.hold(type, name, () => this.#listener(uid))
      held.holds.set(key, hold)
    }
    return hold
  }

  #heldOf(uid: string): Held {
    let held = this.#held.get(uid)
    if (held === undefined) {
      held = { holds: new Map(), timer: undefined }
      this.#held.set(uid, held)
    }
    return held
  }

  #scheduleRenewal(uid: string): void {
    const dueMs = this.#tokens.nextRenewal(uid)
    const held = this.#heldOf(uid)
    held.timer?.abort()
    if (dueMs === undefined) return
    const timer = new AbortController()
    held.timer = timer
    this.#deps.clock.sleep(Math.max(1_000, dueMs - this.#deps.clock.now()), timer.signal).then(
      () => this.#listener(uid),
      () => undefined,
    )
  }

  async teardown(uid: string): Promise<void> {
    const held = this.#held.get(uid)
    held?.timer?.abort()
    for (const hold of held?.holds.values() ?? []) hold.release()
    this.#held.delete(uid)
    this.#tokens.forget(uid)
    const folder = podDir(this.#deps.paths, uid)
    if (!existsSync(folder)) return
    for (const point of mounts.below(folder)) await mounts.unmount(point)
    // Only when nothing is mounted any more: removing through a mount would delete what it leads to.
    if (mounts.below(folder).length > 0) throw new VolumeError(`${folder} is still mounted`)
    rmSync(folder, { recursive: true, force: true })
  }

  close(): void {
    for (const held of this.#held.values()) {
      held.timer?.abort()
      for (const hold of held.holds.values()) hold.release()
    }
    this.#held.clear()
  }

  leftovers(): readonly string[] {
    const folder = podsDir(this.#deps.paths)
    return existsSync(folder) ? readdirSync(folder) : []
  }
}

function contentPlugin(volume: Volume): string {
  if (volume.configMap !== undefined) return 'kubernetes.io~configmap'
  if (volume.secret !== undefined) return 'kubernetes.io~secret'
  return volume.downwardAPI === undefined ? 'kubernetes.io~projected' : 'kubernetes.io~downward-api'
}
