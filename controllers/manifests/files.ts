import { type Dirent, readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, relative } from 'node:path'

export interface ManifestFile {
  readonly path: string
  /** Name of its Addon: the base name up to the first dot; files that collide carry their folder in front. */
  readonly addon: string
  readonly disabled: boolean
}

/**
 * All manifest files below `folder` by full path, with links to folders followed. Files with a `.skip` twin are left out,
 * as are dot files. Source: K3s' deploy controller.
 */
export function findManifests(folder: string, disable: readonly string[]): readonly ManifestFile[] {
  const paths = walk(folder, 0).sort()
  const skipped = new Set(paths.filter((path) => path.endsWith('.skip')).map((path) => basename(path, '.skip')))
  const files = paths.filter((path) => isManifest(path) && !skipped.has(basename(path)))
  const names = addonNames(files.map((path) => relative(folder, path)))
  return files.map((path, at) => ({ path, addon: names[at] ?? '', disabled: isDisabled(relative(folder, path), disable) }))
}

export function isManifest(path: string): boolean {
  const name = basename(path)
  return !name.startsWith('.') && /\.(ya?ml|json)$/i.test(name)
}

/** A word of --disable names a file by its base name without extension, or a sub-folder. */
export function isDisabled(path: string, disable: readonly string[]): boolean {
  const name = basename(path, extname(path))
  return disable.includes(name) || disable.includes(dirname(path))
}

/** The plainest path gets the short name that K3s would give; the others of that name are told apart by their whole path. */
function addonNames(paths: readonly string[]): readonly string[] {
  const weight = (path: string): number => path.split(/[./]/).length
  const owners = new Map<string, string>()
  for (const path of [...paths].sort((a, b) => weight(a) - weight(b))) if (!owners.has(shortName(path))) owners.set(shortName(path), path)
  return paths.map((path) => (owners.get(shortName(path)) === path ? shortName(path) : longName(path)))
}

const shortName = (path: string): string => (basename(path).split('.')[0] ?? '').toLowerCase()
const longName = (path: string): string => path.toLowerCase().replace(/[^a-z0-9]+/g, '-')

const MAX_DEPTH = 16

function walk(folder: string, depth: number): string[] {
  if (depth > MAX_DEPTH) return []
  return list(folder).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return walk(path, depth + 1)
    if (entry.isSymbolicLink()) return isFolder(path) ? walk(path, depth + 1) : [path]
    return entry.isFile() ? [path] : []
  })
}

function list(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    // removed between two looks: its files are gone as well
    return []
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
