/** Which image each packaged component runs from: the public one where it can be had, else the embedded one. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ENTRY_POINTS, type EntryPoint, embeddedImage } from '../../addons/image/entry-points.ts'
import { readRegistries } from '../agent/containerd/write-config.ts'
import { imagesInFolder } from '../agent/images/image-folder.ts'
import { canonicalImageName, parseImageName } from '../agent/images/image-name.ts'
import { presentImages } from '../agent/images/present-images.ts'
import { type AgentPaths, containerdRoot, containerdSocket, imagesDir } from '../agent/paths.ts'
import { probeImages } from '../agent/registry/probe.ts'
import type { AgentSettings } from '../agent/settings.ts'
import type { ServerConfig } from '../config/config.ts'
import type { Clock } from '../runtime/clock.ts'
import { type ImageChoice, readChoices, rememberChoices } from './image-record.ts'
import { EMBEDDED_ARCHIVE, manifestsWith } from './staging.ts'

export interface ChoiceInput {
  readonly config: ServerConfig
  readonly settings: Pick<AgentSettings, 'privateRegistry' | 'disableDefaultRegistryEndpoint'>
  readonly paths: AgentPaths
  readonly version: string
  readonly clock: Clock
}

/** What is known at once, and what registries are still asked for. */
export interface Choosing {
  readonly pause: ImageChoice
  /** All components in use, `pause` among them. */
  readonly all: Promise<readonly ImageChoice[]>
}

/** For all registries together; the rest of the node starts meanwhile. */
const PROBE_LIMIT_MS = 2_500
/** A runtime that holds images from before is waited for, so that the network is not asked for what is here. */
const RUNTIME_LIMIT_MS = 10_000

/**
 * Explicit modes decide alone. With `auto`: what lies in agent/images; what an earlier start chose to embed; what the runtime holds;
 * what a registry has; else the embedded image. Choices are kept until version, flags or registries.yaml change, or an image chosen
 * from a registry is gone and cannot be had again: running components do not change with the weather of a network.
 */
export async function chooseImages(input: ChoiceInput, signal: AbortSignal): Promise<Choosing> {
  const { config, settings, version } = input
  const registries = await readRegistries(settings)
  const basis = createHash('sha256')
    .update(JSON.stringify([version, config.componentImages, config.systemDefaultRegistry, registries]))
    .digest('hex')
  const context: Context = { ...input, registries, known: await readChoices(config.dataDir, basis) }
  const folder = await imagesInFolder(imagesDir(input.paths), EMBEDDED_ARCHIVE, signal)
  const settled = ENTRY_POINTS.filter(({ name }) => isUsed(name, config)).map((entry) => ({
    entry,
    choice: settle(entry, folder, context),
  }))
  const pause = settled.find(({ entry }) => entry.name === 'pause')?.choice ?? embed('pause', version, 'nothing needs it')
  const open = settled.flatMap(({ entry, choice }) => (choice === undefined ? [entry] : []))
  const all = decide(open, context, signal).then(async (decided) => {
    const choices = settled.flatMap(({ entry, choice }) => choice ?? decided.get(entry.name) ?? [])
    if (!config.disableAgent) await rememberChoices(config.dataDir, basis, choices)
    return choices
  })
  return { pause, all }
}

interface Context extends ChoiceInput {
  readonly registries: Awaited<ReturnType<typeof readRegistries>>
  /** Of an earlier start with the same version and settings. */
  readonly known: ReadonlyMap<string, ImageChoice>
}

function isUsed(name: string, config: ServerConfig): boolean {
  if (name === 'pause') return !config.disableAgent && config.agent.pauseImage === ''
  if (name === 'klipper-helm') return !config.disableHelmController && config.helmJobImage === undefined
  if (name === 'klipper-lb') return !config.disable.includes('servicelb')
  return manifestsWith(name, config).length > 0
}

/** Decides what needs neither runtime nor network; undefined: somebody has to be asked. */
function settle(entry: EntryPoint, folder: ReadonlyMap<string, string>, context: Context): ImageChoice | undefined {
  const { config, version, known } = context
  const { componentImages: mode } = config
  if (mode !== 'auto') {
    const reason = `--component-images is ${mode}`
    return mode === 'upstream' ? upstream(entry, config, reason) : embed(entry.name, version, reason)
  }
  const file = folder.get(fullName(upstreamImage(entry, config)))
  if (file !== undefined) return upstream(entry, config, `it is in agent/images/${file}`)
  // Every pod needs it before its own image: no start of a pod shall wait for a registry because of a program that sleeps.
  if (entry.name === 'pause') return embed(entry.name, version, 'sandboxes do not depend on a registry')
  if (config.disableAgent) return embed(entry.name, version, 'no node runs here')
  const before = known.get(entry.name)
  return before?.isUpstream === false ? { ...before, isKept: true } : undefined
}

async function decide(open: readonly EntryPoint[], context: Context, signal: AbortSignal): Promise<ReadonlyMap<string, ImageChoice>> {
  const decided = new Map<string, ImageChoice>()
  if (open.length === 0) return decided
  const { config, known, registries, settings, version, clock } = context
  const present = await presentHere(open, context, signal)
  for (const entry of open) {
    const before = known.get(entry.name)
    if (present?.has(upstreamImage(entry, config)) === true)
      decided.set(entry.name, upstream(entry, config, 'it is already on this machine'))
    else if (present === undefined && before !== undefined) decided.set(entry.name, { ...before, isKept: true })
  }
  const missing = open.filter(({ name }) => !decided.has(name))
  const options = { registries, useDefaultEndpoint: settings.disableDefaultRegistryEndpoint !== true, limitMs: PROBE_LIMIT_MS, clock }
  const answers = await probeImages(
    missing.map((entry) => upstreamImage(entry, config)),
    options,
    signal,
  )
  for (const entry of missing) {
    const answer = answers.get(upstreamImage(entry, config))
    const choice =
      answer?.host === undefined
        ? embed(entry.name, version, answer?.problem ?? 'no registry was asked')
        : upstream(entry, config, `${answer.host} has it`)
    decided.set(entry.name, choice)
  }
  return decided
}

/** An empty set where no runtime has held images yet; undefined when it does not answer. */
async function presentHere(
  open: readonly EntryPoint[],
  { config, paths, known, clock }: Context,
  signal: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  const external = config.agent.containerRuntimeEndpoint
  const hasStore = existsSync(join(containerdRoot(paths), 'io.containerd.metadata.v1.bolt', 'meta.db'))
  if (external === undefined && !hasStore && known.size === 0) return new Set()
  const socket = external?.replace(/^unix:\/\//, '') ?? containerdSocket(paths)
  const images = open.map((entry) => upstreamImage(entry, config))
  return presentImages(images, { socket, limitMs: RUNTIME_LIMIT_MS, clock }, signal)
}

function upstreamImage({ upstream: image }: EntryPoint, { systemDefaultRegistry: registry }: ServerConfig): string {
  return registry === '' ? image : `${registry.replace(/\/$/, '')}/${image}`
}

function fullName(image: string): string {
  const name = parseImageName(image)
  return typeof name === 'string' ? image : canonicalImageName(name)
}

const upstream = (entry: EntryPoint, config: ServerConfig, reason: string): ImageChoice => ({
  name: entry.name,
  image: upstreamImage(entry, config),
  isUpstream: true,
  reason,
})

const embed = (name: string, version: string, reason: string): ImageChoice => ({
  name,
  image: embeddedImage(name, version),
  isUpstream: false,
  reason,
})
