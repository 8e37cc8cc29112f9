import type { ResourceDef } from './resources/resource-def.ts'

/** What is served right now: the built-in kinds, and the custom ones as their definitions come and go. */
export interface ResourceTable {
  /** The definition behind a URL. */
  find(group: string, version: string, resource: string): ResourceDef | undefined
  /** True when anything of the group version is served: its unknown paths then get a Status instead of a plain 404. */
  serves(group: string, version: string): boolean
  /** In no particular order. */
  all(): readonly ResourceDef[]
  /** Replaces everything that `owner` (a CustomResourceDefinition's name) had added. An empty list removes it. */
  replace(owner: string, defs: readonly ResourceDef[]): void
  /** Called after each change. Returns the remover. */
  onChange(listener: () => void): () => void
}

/** The built-in kinds, and those that owners add and take away while the server runs. */
export function createResourceTable(builtIn: readonly ResourceDef[]): ResourceTable {
  const byOwner = new Map<string, readonly ResourceDef[]>([['', builtIn]])
  const listeners = new Set<() => void>()
  let index = indexOf(byOwner)
  return {
    find: (group, version, resource) => index.byPath.get(`${group}/${version}/${resource}`),
    serves: (group, version) => index.versions.has(`${group}/${version}`),
    all: () => index.all,
    replace(owner, defs) {
      if (defs.length === 0) byOwner.delete(owner)
      else byOwner.set(owner, defs)
      index = indexOf(byOwner)
      for (const listener of [...listeners]) listener()
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

interface Index {
  readonly all: readonly ResourceDef[]
  readonly byPath: ReadonlyMap<string, ResourceDef>
  readonly versions: ReadonlySet<string>
}

/** The first owner of a path keeps it, so a custom definition cannot stand in front of a built-in kind. */
function indexOf(byOwner: ReadonlyMap<string, readonly ResourceDef[]>): Index {
  const all = [...byOwner.values()].flat()
  const byPath = new Map<string, ResourceDef>()
  for (const def of all) {
    const path = `${def.group}/${def.version}/${def.resource}`
    if (!byPath.has(path)) byPath.set(path, def)
  }
  return { all, byPath, versions: new Set(all.map(({ group, version }) => `${group}/${version}`)) }
}
