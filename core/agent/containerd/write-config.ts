import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import type { Logger } from '../../observability/log.ts'
import { readOptional } from '../../runtime/missing-file.ts'
import { type AgentPaths, cniConfDir, containerdEtc, containerdRoot, containerdSocket, containerdState } from '../paths.ts'
import type { AgentSettings } from '../settings.ts'
import { canLowerOomScore } from './capabilities.ts'
import { containerdConfig } from './config-toml.ts'
import type { ContainerdPrograms } from './programs.ts'
import { HOSTS_HEADER, planRegistries, type RegistriesFile, type RegistryPlan } from './registries.ts'
import { applyTemplate, templateNames } from './template.ts'

export interface WriteConfigInput {
  readonly settings: AgentSettings
  readonly paths: AgentPaths
  readonly programs: ContainerdPrograms
  readonly snapshotter: string
  readonly systemdCgroup: boolean
  readonly cniBinDirs: readonly string[]
  readonly log: Logger
}

export interface WrittenConfig {
  readonly file: string
  /** Changes whenever containerd must be started anew to see what was written. */
  readonly fingerprint: string
}

/** Writes config.toml and certs.d. Throws Error when a user's file cannot be read, naming the file. */
export async function writeContainerdConfig(input: WriteConfigInput): Promise<WrittenConfig> {
  const { settings, paths, programs, log } = input
  const etc = containerdEtc(paths)
  const certs = join(etc, 'certs.d')
  await mkdir(certs, { recursive: true })
  const registries = planRegistries(await readRegistries(settings), settings.disableDefaultRegistryEndpoint !== true)
  for (const warning of registries.warnings) log.warn(warning)
  await writeHosts(certs, registries)
  const base = containerdConfig({
    release: programs.release,
    root: containerdRoot(paths),
    state: containerdState(paths),
    socket: containerdSocket(paths),
    pauseImage: settings.pauseImage,
    snapshotter: input.snapshotter,
    systemdCgroup: input.systemdCgroup,
    selinux: settings.selinux ?? false,
    canLowerOomScore: canLowerOomScore(),
    defaultRuntime: settings.defaultRuntime ?? 'runc',
    runtimes: programs.runtimes,
    cniBinDirs: input.cniBinDirs,
    cniConfDir: cniConfDir(paths),
    registryConfigDir: certs,
    registryAuth: registries.auth,
  })
  const text = await withTemplate(etc, programs.release.major, base)
  const file = join(etc, 'config.toml')
  await writeFile(file, text, { mode: 0o600 })
  return { file, fingerprint: createHash('sha256').update(`${programs.containerd}\n${text}`).digest('hex') }
}

async function withTemplate(etc: string, major: number, base: string): Promise<string> {
  for (const name of templateNames(major)) {
    const template = await readOptional(join(etc, name))
    if (template === undefined) continue
    try {
      return applyTemplate(template, base)
    } catch (err) {
      throw new Error(`${join(etc, name)}: ${err instanceof Error ? err.message : String(err)}`, { cause: err })
    }
  }
  return base
}

/** registries.yaml; empty when there is none. Throws Error when it cannot be read, naming the file. */
export async function readRegistries(settings: Pick<AgentSettings, 'privateRegistry'>): Promise<RegistriesFile> {
  const path = settings.privateRegistry ?? '/etc/rancher/k3ts/registries.yaml'
  const text = await readOptional(path)
  if (text === undefined) return {}
  try {
    const file = load(text) as RegistriesFile | null | undefined
    return file ?? {}
  } catch (err) {
    throw new Error(`${path} is not YAML: ${err instanceof Error ? err.message : String(err)}`, { cause: err })
  }
}

/** Replaces the folders that we wrote; a folder whose hosts.toml lacks our first line belongs to the user and stays. */
async function writeHosts(certs: string, { hosts }: RegistryPlan): Promise<void> {
  for (const name of await readdir(certs)) {
    const existing = await readOptional(join(certs, name, 'hosts.toml'))
    if (existing?.startsWith(HOSTS_HEADER) === true && !hosts.has(name)) await rm(join(certs, name), { recursive: true })
  }
  for (const [name, text] of hosts) {
    const path = join(certs, name, 'hosts.toml')
    const existing = await readOptional(path)
    if (existing !== undefined && !existing.startsWith(HOSTS_HEADER)) continue
    await mkdir(join(certs, name), { recursive: true })
    await writeFile(path, text)
  }
}
