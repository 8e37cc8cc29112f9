import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, relative } from 'node:path'

export interface ManifestFile {
  readonly path: string
  /** Name of its Addon: the base name up to the first dot; files that collide carry their folder in front. */
  readonly addon: string
  readonly disabled: boolean
}

/**
 * Which files below a folder count as manifests, and as which Addons: links to folders are followed, files with a `.skip` twin
 * and dot files are left out. Read once, then kept by the events of each path, so that a change costs a look at its own files alone.
 * Source: K3s' deploy controller.
 */
export class ManifestFiles {
  readonly #folder: string
  readonly #disable: readonly string[]
  /** Full paths by the Addon name that they would all like to have. */
  readonly #byName = new Map<string, Set<string>>()
  /** Full paths of `.skip` files by the base name that they leave alone, wherever it is. */
  readonly #skips = new Map<string, Set<string>>()

  constructor(folder: string, disable: readonly string[]) {
    this.#folder = folder
    this.#disable = disable
    for (const path of walk(folder, 0)) this.add(path)
  }

  /** Takes a file in. Answers the manifests that this may be a reason to deploy. */
  add(path: string): readonly string[] {
    if (path.endsWith(SKIP)) put(this.#skips, basename(path, SKIP), path)
    if (!isManifest(path)) return []
    put(this.#byName, shortName(path), path)
    return [path]
  }

  /** Forgets a file that is gone. Answers the manifests that this may be a reason to deploy: those it held back. */
  remove(path: string): readonly string[] {
    this.#byName.get(shortName(path))?.delete(path)
    const skipped = basename(path, SKIP)
    if (this.#skips.get(skipped)?.delete(path) !== true) return []
    return [...(this.#byName.get(shortName(skipped)) ?? [])].filter((held) => basename(held) === skipped)
  }

  all(): readonly ManifestFile[] {
    return [...this.#byName.values()]
      .flatMap((paths) => [...paths])
      .sort()
      .flatMap((path) => this.fileAt(path) ?? [])
  }

  /** Undefined for what is no manifest, is left alone, or is not there any more. */
  fileAt(path: string): ManifestFile | undefined {
    const counts = (each: string): boolean => !this.#isSkipped(each) && statSync(each, { throwIfNoEntry: false })?.isFile() === true
    const rivals = [...(this.#byName.get(shortName(path)) ?? [])].filter(counts)
    if (!rivals.includes(path)) return undefined
    const own = relative(this.#folder, path)
    // The plainest path gets the short name that K3s would give; the others of that name are told apart by their whole path.
    const [plainest] = rivals.map((each) => relative(this.#folder, each)).sort((a, b) => weight(a) - weight(b) || (a < b ? -1 : 1))
    return { path, addon: own === plainest ? shortName(own) : longName(own), disabled: isDisabled(own, this.#disable) }
  }

  #isSkipped(path: string): boolean {
    return [...(this.#skips.get(basename(path)) ?? [])].some((skip) => existsSync(skip))
  }
}

const SKIP = '.skip'

function put(index: Map<string, Set<string>>, key: string, path: string): void {
  const paths = index.get(key)
  if (paths === undefined) index.set(key, new Set([path]))
  else paths.add(path)
}

function isManifest(path: string): boolean {
  const name = basename(path)
  return !name.startsWith('.') && /\.(ya?ml|json)$/i.test(name)
}

/** A word of --disable names a file by its base name without extension, or a sub-folder. */
function isDisabled(path: string, disable: readonly string[]): boolean {
  const name = basename(path, extname(path))
  return disable.includes(name) || disable.includes(dirname(path))
}

const weight = (path: string): number => path.split(/[./]/).length
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
