import type { EventRecorder } from '../client/recorder.ts'
import type { Running } from '../runtime/component.ts'
import type { AgentDeps } from './agent-deps.ts'
import type { ImageService, RuntimeService } from './cri/index.ts'
import { evictUnderPressure, type PodUse } from './eviction/eviction.ts'
import { localUse } from './eviction/local-use.ts'
import { ImageGc, importedImages } from './images/image-gc.ts'
import type { KubeletOptions } from './kubelet-options.ts'
import { pressureOf } from './node/facts.ts'
import { nodeReference } from './node/node-events.ts'
import { type AgentPaths, imagesDir } from './paths.ts'
import type { PodManager } from './pod/pod-manager.ts'
import { podUidOf } from './pod/runtime-labels.ts'

export interface CareDeps extends AgentDeps {
  readonly recorder: EventRecorder
}

export interface CareContext {
  readonly runtime: RuntimeService
  readonly images: ImageService
  readonly options: KubeletOptions
  readonly paths: AgentPaths
  readonly pods: PodManager
}

/** Keeps the node from filling up: unused images go, and pods before memory or disk run out. Ends with the signal. */
export function careForNode(deps: CareDeps, context: CareContext, signal: AbortSignal): Running {
  const { runtime, options, paths, pods } = context
  const { recorder, clock, log } = deps
  const collector = imageCollector(deps, context)
  const eviction = evictUnderPressure(
    {
      shortage: () => pressureOf(options.evictionHard, paths.agentDir),
      reclaimDisk: (aborted) => collector.pass(aborted),
      usage: (aborted) => podUsage(runtime, aborted),
      localUse: (limited, aborted) => localUse(limited, { runtime, paths }, aborted),
      pods: () => pods.pods().filter(({ status }) => status.phase === 'Running' || status.phase === 'Pending'),
      evict: (uid, verdict) => pods.evict(uid, verdict),
      ...{ recorder, clock, log },
    },
    signal,
  )
  return { done: Promise.all([collector.run(signal), eviction]).then(() => undefined) }
}

function imageCollector({ settings, clock, log, recorder }: CareDeps, { runtime, images, options, paths }: CareContext): ImageGc {
  const about = nodeReference(settings.nodeName)
  return new ImageGc({
    ...{ images, runtime, clock, log },
    highPercent: options.imageGcHighPercent,
    lowPercent: options.imageGcLowPercent,
    keep: async () => new Set([settings.pauseImage, ...(await importedImages(imagesDir(paths)))]),
    event: (type, reason, message) => recorder.event(about, type, reason, message),
  })
}

async function podUsage(runtime: RuntimeService, signal: AbortSignal): Promise<ReadonlyMap<string, PodUse>> {
  const usage = new Map<string, PodUse>()
  for (const { labels, memory, writableLayer } of await runtime.listContainerStats({}, signal)) {
    const uid = podUidOf(labels) ?? ''
    const { memoryBytes, diskBytes } = usage.get(uid) ?? { memoryBytes: 0, diskBytes: 0 }
    usage.set(uid, { memoryBytes: memoryBytes + (memory?.workingSetBytes ?? 0), diskBytes: diskBytes + (writableLayer?.usedBytes ?? 0) })
  }
  return usage
}
