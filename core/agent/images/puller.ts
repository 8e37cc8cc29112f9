import type { Container, Pod, Secret } from '../../api/types/core-v1.ts'
import { formatDuration } from '../../meta/duration.ts'
import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { type ImageService, isCriCode, rpcText } from '../cri/index.ts'
import type { RegistryAuth, RuntimeImage, SandboxConfig } from '../cri/types.ts'
import { ImageError } from './image-error.ts'
import { type ImageName, parseImageName, withDefaultTag } from './image-name.ts'
import { KeyBackoff } from './key-backoff.ts'
import { PullSlots } from './pull-slots.ts'
import { credentialsFor } from './pull-secrets.ts'

export interface PullerDeps {
  readonly images: ImageService
  readonly clock: Clock
  /** 1: one at a time. */
  readonly maxParallelPulls: number
}

export interface ImageRequest {
  readonly pod: Pod
  readonly container: Pick<Container, 'name' | 'image' | 'imagePullPolicy'>
  readonly sandboxConfig: SandboxConfig
  /** Read only when a pull is needed. */
  readonly pullSecrets: () => Promise<readonly Secret[]>
  /** Tells the pod's events. */
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => void
}

/** Sees to it that a container's image is on this node, as its pull policy says. */
export interface ImagePuller {
  /** Throws ImageError with the reason for which the container waits. */
  ensure(request: ImageRequest, signal: AbortSignal): Promise<RuntimeImage>
  /** Forgets the delays of a pod that is gone. */
  forget(podUid: string): void
}

const TELL_BACKOFF_MS = 5_000
const BACKOFF = { baseMs: 10_000, maxMs: 300_000 }

export function createImagePuller(deps: PullerDeps): ImagePuller {
  const backoff = new KeyBackoff(deps.clock, BACKOFF)
  const slots = new PullSlots(deps.maxParallelPulls)
  return {
    ensure: async (request, signal) => {
      const image = request.container.image ?? ''
      const name = checkedName(image, request)
      const reference = withDefaultTag(image, name)
      const present = await inspect(reference, image, { deps, request, signal })
      if (present !== undefined && policyOf(request.container, name) !== 'Always') {
        request.event('Normal', 'Pulled', `Container image "${image}" already present on machine and can be accessed by the pod`)
        return present
      }
      if (policyOf(request.container, name) === 'Never') throw neverPull(image, request)
      return pull({ image, reference, name, backoff, slots, deps, request }, signal)
    },
    forget: (podUid) => {
      backoff.resetPrefix(`${podUid}_`)
    },
  }
}

function checkedName(image: string, { event }: ImageRequest): ImageName {
  const name = parseImageName(image)
  if (typeof name !== 'string') return name
  const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": ${name}`
  event('Warning', 'InspectFailed', message)
  throw new ImageError('InvalidImageName', message)
}

function policyOf(container: ImageRequest['container'], name: ImageName): 'Always' | 'IfNotPresent' | 'Never' {
  if (container.imagePullPolicy !== undefined) return container.imagePullPolicy
  return name.digest === undefined && (name.tag ?? 'latest') === 'latest' ? 'Always' : 'IfNotPresent'
}

function neverPull(image: string, { event }: ImageRequest): ImageError {
  const message = `Container image "${image}" is not present with pull policy of Never`
  event('Warning', 'ErrImageNeverPull', message)
  return new ImageError('ErrImageNeverPull', message)
}

interface Context {
  readonly deps: PullerDeps
  readonly request: ImageRequest
  readonly signal: AbortSignal
}

async function inspect(reference: string, image: string, { deps, request, signal }: Context): Promise<RuntimeImage | undefined> {
  try {
    return await deps.images.imageStatus({ image: reference }, signal)
  } catch (err) {
    if (isAborted(signal)) throw err
    const message = `Failed to inspect image "${image}": ${rpcText(err)}`
    request.event('Warning', 'InspectFailed', message)
    throw new ImageError('ImageInspectError', message)
  }
}

interface Pull {
  readonly image: string
  readonly reference: string
  readonly name: ImageName
  readonly backoff: KeyBackoff
  readonly slots: PullSlots
  readonly deps: PullerDeps
  readonly request: ImageRequest
}

async function pull(task: Pull, signal: AbortSignal): Promise<RuntimeImage> {
  const { image, reference, backoff, deps, request } = task
  const key = `${request.pod.metadata.uid}_${image}`
  const waitMs = backoff.remainingMs(key)
  if (waitMs > 0) {
    const message = `Back-off pulling image "${image}"`
    request.event('Normal', 'BackOff', message)
    throw new ImageError('ImagePullBackOff', `${message}: ErrImagePull: ${backoff.messageOf(key)}`, waitMs)
  }
  request.event('Normal', 'Pulling', `Pulling image "${image}"`)
  const askedMs = deps.clock.now()
  const startedMs = await attempt(task, key, signal)
  backoff.reset(key)
  const pulled = await inspect(reference, image, { deps, request, signal })
  if (pulled === undefined) throw new ImageError('ErrImagePull', `image "${image}" was pulled but the runtime does not show it`)
  const now = deps.clock.now()
  const took = `${formatDuration(now - startedMs)} (${formatDuration(now - askedMs)} including waiting)`
  request.event('Normal', 'Pulled', `Successfully pulled image "${image}" in ${took}. Image size: ${pulled.sizeBytes} bytes.`)
  return pulled
}

/** One pull when it is its turn; returns when that began. A failure lengthens the delay before the next. */
async function attempt(task: Pull, key: string, signal: AbortSignal): Promise<number> {
  const { image, slots, deps, request, backoff } = task
  const slot = await slots.take(signal)
  const startedMs = deps.clock.now()
  try {
    await pullWithAnyCredentials(task, signal)
    return startedMs
  } catch (err) {
    if (isAborted(signal)) throw err
    const text = rpcText(err)
    request.event('Warning', 'Failed', `Failed to pull image "${image}": ${text}`)
    // The next look, well before the delay is over, tells that it is being waited for.
    throw new ImageError('ErrImagePull', text, Math.min(TELL_BACKOFF_MS, backoff.fail(key, text)))
  } finally {
    slot[Symbol.dispose]()
  }
}

/** Several secrets may hold credentials for one registry: the first that works wins, the last failure is told. */
async function pullWithAnyCredentials({ reference, name, deps, request }: Pull, signal: AbortSignal): Promise<void> {
  const found = credentialsFor(name, await request.pullSecrets())
  const candidates: readonly (RegistryAuth | undefined)[] = found.length > 0 ? found : [undefined]
  let failure: unknown
  for (const auth of candidates) {
    try {
      await deps.images.pullImage({ image: { image: reference }, auth, sandboxConfig: request.sandboxConfig }, signal)
      return
    } catch (err) {
      if (isCriCode(err, 'Canceled')) throw err
      failure = err
    }
  }
  throw failure
}
