import { readFile } from 'node:fs/promises'
import type { ContainerImage, NodeStatus } from '../api/types/core-v1.ts'
import type { Logger } from '../observability/log.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Running } from '../runtime/component.ts'
import { startContainerd } from './containerd/containerd.ts'
import {
  createImageService,
  createRuntimeService,
  type GrpcChannel,
  type ImageService,
  openGrpcChannel,
  type RuntimeService,
} from './cri/index.ts'
import { ignoreMissing } from '../runtime/missing-file.ts'
import type { AgentPaths } from './paths.ts'
import type { NodeFeatures } from './pod/node-features.ts'
import type { AgentSettings } from './settings.ts'

export interface ConnectDeps {
  readonly settings: AgentSettings
  readonly log: Logger
  readonly clock: Clock
}

/** The runtime as connected to; `done` settles when our own containerd is no longer looked after. */
export interface RuntimeConnection extends Running {
  readonly channel: GrpcChannel
  readonly runtime: RuntimeService
  readonly images: ImageService
  readonly runtimeName: string
  /** As the Node shows it: `containerd://1.6.20`. */
  readonly version: string
  readonly imageStore: { readonly socket: string; readonly snapshotter: string }
}

/** Our own containerd, or the one that the settings name. */
export async function connectRuntime(
  { settings, log, clock }: ConnectDeps,
  paths: AgentPaths,
  signal: AbortSignal,
): Promise<RuntimeConnection> {
  const external = settings.containerRuntimeEndpoint
  const own = external === undefined ? await startContainerd({ settings, paths, log, clock, systemdCgroup: false }, signal) : undefined
  const socket = own?.socket ?? (external ?? '').replace(/^unix:\/\//, '')
  const channel = openGrpcChannel({ path: socket })
  const runtime = createRuntimeService(channel)
  try {
    const { runtimeName, runtimeVersion } = await runtime.version(signal)
    return {
      channel,
      runtime,
      images: createImageService(channel),
      runtimeName,
      version: `${runtimeName}://${runtimeVersion.replace(/^v/, '').replace(/[~+].*$/, '')}`,
      imageStore: { socket, snapshotter: own?.snapshotter ?? settings.snapshotter },
      done: own?.done ?? Promise.resolve(),
    }
  } catch (err) {
    channel.close()
    throw new Error(`the container runtime at ${socket} does not answer: ${err instanceof Error ? err.message : String(err)}`, {
      cause: err,
    })
  }
}

/** In the kubelet's words, for the Ready condition. */
export async function runtimeProblems(runtime: RuntimeService, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const { conditions } = await runtime.status(signal)
    return conditions
      .filter(({ status }) => !status)
      .map(({ type, reason, message }) => {
        const what = type === 'NetworkReady' ? 'container runtime network not ready' : 'container runtime not ready'
        return `${what}: ${type}=false reason:${reason} message:${message}`
      })
  } catch (err) {
    return [`container runtime is down: ${err instanceof Error ? err.message : String(err)}`]
  }
}

const APPARMOR = '/sys/module/apparmor/parameters/enabled'

/** What kernel and runtime offer; the runtime speaks for its default handler. */
export async function nodeFeatures(runtime: RuntimeService, signal: AbortSignal): Promise<NodeFeatures> {
  const { handlers, supplementalGroupsPolicy } = await runtime.status(signal)
  const recursiveReadOnlyMounts = handlers.find(({ name }) => name === '')?.features?.recursiveReadOnlyMounts ?? false
  const appArmor = (await ignoreMissing(readFile(APPARMOR, 'utf8')))?.startsWith('Y') ?? false
  return { supplementalGroupsPolicy, recursiveReadOnlyMounts, appArmor }
}

/** What the Node tells of its runtime; nothing when the runtime tells nothing, as containerd before 2.0. */
export async function toldByRuntime(
  runtime: Pick<RuntimeService, 'status'>,
  signal: AbortSignal,
): Promise<Pick<NodeStatus, 'runtimeHandlers' | 'features'>> {
  const { handlers, supplementalGroupsPolicy } = await runtime.status(signal)
  if (handlers.length === 0) return {}
  const runtimeHandlers = handlers.map(({ name, features }) => ({
    name,
    ...(features !== undefined && {
      features: { recursiveReadOnlyMounts: features.recursiveReadOnlyMounts, userNamespaces: features.userNamespaces },
    }),
  }))
  return { runtimeHandlers: runtimeHandlers.sort((a, b) => (a.name < b.name ? -1 : 1)), features: { supplementalGroupsPolicy } }
}

const MAX_NODE_IMAGES = 50
const MAX_IMAGE_NAMES = 5

/** The largest images, as the Node lists them. */
export async function nodeImages(images: ImageService, signal: AbortSignal): Promise<readonly ContainerImage[]> {
  const list = await images.listImages(signal)
  return [...list]
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, MAX_NODE_IMAGES)
    .map(({ digests, tags, sizeBytes }) => ({ names: [...digests, ...tags].slice(0, MAX_IMAGE_NAMES), sizeBytes }))
}
