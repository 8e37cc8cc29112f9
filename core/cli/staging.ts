import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { installationRoot } from '../config/assets.ts'
import type { ServerConfig } from '../config/config.ts'

/** Full references of the images that packaged components use, by the short name of the entry point. */
export type ComponentImages = Readonly<Record<string, string>>

/** Values of `%{NAME}%` in packaged files; user files are never templated. Source: K3s, staging of manifests. */
export function templateVariables(config: ServerConfig, images: ComponentImages): ReadonlyMap<string, string> {
  const registry = config.systemDefaultRegistry
  return new Map([
    ['CLUSTER_DNS', config.clusterDns],
    ['CLUSTER_DNS_LIST', `[${config.clusterDns}]`],
    ['CLUSTER_DNS_IPFAMILYPOLICY', 'SingleStack'],
    ['CLUSTER_DOMAIN', config.clusterDomain],
    ['DEFAULT_LOCAL_STORAGE_PATH', config.defaultLocalStoragePath],
    ['SYSTEM_DEFAULT_REGISTRY', registry === '' ? '' : `${registry.replace(/\/$/, '')}/`],
    ['SYSTEM_DEFAULT_REGISTRY_RAW', registry],
    ['PREFERRED_ADDRESS_TYPES', 'InternalIP,ExternalIP,Hostname'],
    ...Object.entries(images).map(([name, image]) => [`IMAGE_${name}`, image] as const),
  ])
}

/** Replaces known variables; unknown ones stay, since some are filled in later (KUBERNETES_API in helm jobs). */
export function fillTemplate(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/%\{([\w-]+)\}%/g, (whole, name: string) => variables.get(name) ?? whole)
}

/** Writes packaged manifests (0600) below DATA_DIR/server; files that --disable names are not written. */
export function stageManifests(config: ServerConfig, images: ComponentImages): void {
  const root = installationRoot()
  const variables = templateVariables(config, images)
  const target = join(config.dataDir, 'server', 'manifests')
  mkdirSync(target, { recursive: true, mode: 0o700 })
  for (const path of filesBelow(join(root, 'manifests'))) {
    if (isDisabled(path, config)) continue
    const place = join(target, path)
    const content = fillTemplate(readFileSync(join(root, 'manifests', path), 'utf8'), variables)
    if (existsSync(place) && readFileSync(place, 'utf8') === content) continue
    mkdirSync(dirname(place), { recursive: true, mode: 0o700 })
    writeFileSync(place, content, { mode: 0o600 })
  }
}

/** The packaged manifests that are deployed and name this image. */
export function manifestsWith(image: string, config: ServerConfig): readonly string[] {
  const folder = join(installationRoot(), 'manifests')
  return filesBelow(folder).filter(
    (path) => !isDisabled(path, config) && readFileSync(join(folder, path), 'utf8').includes(`%{IMAGE_${image}}%`),
  )
}

/** Puts the packaged charts where helm jobs fetch them from. */
export function stageCharts(config: ServerConfig): void {
  const charts = join(installationRoot(), 'dist', 'charts')
  const staticCharts = join(config.dataDir, 'server', 'static', 'charts')
  mkdirSync(staticCharts, { recursive: true, mode: 0o755 })
  if (existsSync(charts)) cpSync(charts, staticCharts, { recursive: true })
}

/** The link in agent/images. */
export const EMBEDDED_ARCHIVE = 'k3ts-embedded.tar'

/** Puts the embedded image where the agent imports archives from: a link, so that no disk is spent twice. */
export function stageImages(config: ServerConfig): void {
  const archive = join(installationRoot(), 'dist', 'image', 'embedded.tar')
  const folder = join(config.dataDir, 'agent', 'images')
  const link = join(folder, EMBEDDED_ARCHIVE)
  if (!existsSync(archive)) return
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const old = lstatSync(link, { throwIfNoEntry: false })
  if (old?.isSymbolicLink() === true && readlinkSync(link) === archive) return
  rmSync(link, { force: true })
  symlinkSync(archive, link)
}

function isDisabled(path: string, { disable, disableCloudController, disableHelmController }: ServerConfig): boolean {
  const name = path.slice(0, path.length - extname(path).length)
  if (name === 'ccm' && disableCloudController && disable.includes('servicelb')) return true
  // Without the helm controller nobody would act on it; a HelmChart that never appears puzzles people.
  if (name === 'traefik' && disableHelmController) return true
  return disable.includes(name) || disable.includes(dirname(path))
}

function filesBelow(folder: string, prefix = ''): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = join(prefix, entry.name)
    return entry.isDirectory() ? filesBelow(folder, path) : /\.(ya?ml|json)$/.test(entry.name) ? [path] : []
  })
}
