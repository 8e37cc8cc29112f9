import { type ApiModel, type KindModel, type MessageModel, moduleOf, type PackageModel } from './model.ts'
import { HEADER } from './types-file.ts'

interface KindEntry {
  readonly pkg: PackageModel
  readonly message: MessageModel
  readonly kind: KindModel
}

/** Every kind with a discovery entry, core first, then by group, version and plural. */
export function kindEntries(model: ApiModel): readonly KindEntry[] {
  const entries = [...model.packages.values()].flatMap((pkg) =>
    [...pkg.messages.values()].flatMap((message) => (message.kind === undefined ? [] : [{ pkg, message, kind: message.kind }])),
  )
  const rank = (entry: KindEntry): string => [entry.pkg.group, entry.pkg.version, entry.kind.plural].join('/')
  return entries.sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
}

/** Text of `core/api/kinds.ts`: one typed token for each kind that has one. */
export function kindsFile(model: ApiModel): string {
  const entries = kindEntries(model).filter((entry) => entry.kind.token !== undefined)
  const imports = new Map<string, Set<string>>()
  const body = entries.map(({ pkg, message, kind }) => {
    const module = moduleOf(pkg.stem)
    const shared = entries.filter((other) => other.message.name === message.name).length > 1
    const alias = shared ? `${message.name}_${module.replaceAll('-', '_')}` : message.name
    imports.set(module, (imports.get(module) ?? new Set()).add(shared ? `${message.name} as ${alias}` : message.name))
    const apiVersion = pkg.group === '' ? pkg.version : `${pkg.group}/${pkg.version}`
    const args = [apiVersion, kind.plural, message.name].map((arg) => `'${arg}'`).join(', ')
    return `export const ${kind.token ?? ''}: ResourceType<${alias}> = resourceType(${args}, ${kind.namespaced})`
  })
  const head = [...imports]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([module, names]) => `import type { ${[...names].sort().join(', ')} } from './types/${module}.ts'`)
  return `${HEADER}import { type ResourceType, resourceType } from '../meta/resource-type.ts'\n${head.join('\n')}\n\n${body.join('\n')}\n`
}

/** Text of `core/api/kind-table.ts`: the discovery facts of every kind and group version. */
export function kindTableFile(model: ApiModel): string {
  const rows = kindEntries(model).map(({ pkg, message, kind }) => {
    const row = {
      group: pkg.group,
      version: pkg.version,
      kind: message.name,
      listKind: kind.listKind,
      resource: kind.plural,
      singular: kind.singular,
      shortNames: kind.shortNames,
      categories: kind.categories,
      namespaced: kind.namespaced,
      verbs: kind.verbs,
      schema: `${pkg.stem}.${message.name}`,
      served: kind.served,
      ...(kind.storage && { storagePrefix: kind.storage.prefix, storageVersionHash: kind.storage.hash }),
      ...(kind.servedBy !== undefined && { servedBy: kind.servedBy }),
      ...(message.introduced !== undefined && { introduced: message.introduced }),
      ...(message.deprecatedIn !== undefined && { deprecatedIn: message.deprecatedIn }),
      ...(message.removedIn !== undefined && { removedIn: message.removedIn }),
      ...(message.replacement !== undefined && { replacement: message.replacement }),
      subresources: kind.subresources,
    }
    return `  ${JSON.stringify(row)},`
  })
  const groups = [...model.packages.values()]
    .filter((pkg) => kindEntries(model).some((entry) => entry.pkg === pkg))
    .sort((a, b) => priority(b) - priority(a) || (b.versionPriority ?? 0) - (a.versionPriority ?? 0) || (a.stem < b.stem ? -1 : 1))
    .map((pkg) => {
      const { stem, group, version, enabledByDefault, groupPriorityMinimum, versionPriority } = pkg
      return `  ${JSON.stringify({ stem, group, version, enabledByDefault, groupPriorityMinimum, versionPriority })},`
    })
  return `${HEADER}${KIND_TABLE_TYPES}
/** Group versions in discovery order. */
export const GROUP_VERSIONS: readonly GroupVersionEntry[] = [\n${groups.join('\n')}\n]

/** Every built-in kind by group, version and plural; \`served: false\` marks those that are off by default. */
export const KIND_TABLE: readonly KindEntry[] = [\n${rows.join('\n')}\n]
`
}

/** A group without a number registers itself before all others. */
const priority = (pkg: PackageModel): number => pkg.groupPriorityMinimum ?? Number.MAX_SAFE_INTEGER

const KIND_TABLE_TYPES = `
export interface GroupVersionEntry {
  readonly stem: string
  readonly group: string
  readonly version: string
  readonly enabledByDefault: boolean
  readonly groupPriorityMinimum?: number
  readonly versionPriority?: number
}

export interface SubresourceEntry {
  readonly name: string
  readonly kind: string
  /** Absent: group and version of the parent. */
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly string[]
}

export interface KindEntry {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly listKind: string
  readonly resource: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  /** Name for \`schemaOf\`. */
  readonly schema: string
  readonly served: boolean
  /** Absent for virtual kinds. */
  readonly storagePrefix?: string
  readonly storageVersionHash?: string
  /** Who serves it when it is not the API server itself. */
  readonly servedBy?: string
  /** Releases such as "1.33", and \`<group>,<version>,<Kind>\`. */
  readonly introduced?: string
  readonly deprecatedIn?: string
  readonly removedIn?: string
  readonly replacement?: string
  readonly subresources: readonly SubresourceEntry[]
}
`
