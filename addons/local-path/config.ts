import { isAbsolute, normalize } from 'node:path'

/** Settings of config.json that are used. */
export interface ProvisionerConfig {
  /** Folders by node; `DEFAULT_NODE` stands for all nodes without an entry. */
  readonly nodePaths: ReadonlyMap<string, readonly string[]>
  /** Instead of the map: one folder that all nodes share. */
  readonly sharedPath?: string
  readonly commandTimeoutMs: number
}

export const DEFAULT_NODE = 'DEFAULT_PATH_FOR_NON_LISTED_NODES'
const DEFAULT_TIMEOUT_SECONDS = 120

interface RawConfig {
  readonly nodePathMap?: readonly { readonly node?: string; readonly paths?: readonly string[] }[]
  readonly sharedFileSystemPath?: string
  readonly cmdTimeoutSeconds?: number
}

/** Throws Error saying what is wrong. Source: local-path-provisioner, configuration. */
export function parseConfig(text: string): ProvisionerConfig {
  const raw = JSON.parse(text) as RawConfig
  const { nodePathMap = [], sharedFileSystemPath = '', cmdTimeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = raw
  if (sharedFileSystemPath !== '' && nodePathMap.length > 0) throw new Error('nodePathMap and sharedFileSystemPath exclude each other')
  if (sharedFileSystemPath === '' && nodePathMap.length === 0) throw new Error('one of nodePathMap and sharedFileSystemPath is required')
  const nodePaths = new Map<string, readonly string[]>()
  for (const { node = '', paths = [] } of nodePathMap) {
    if (nodePaths.has(node)) throw new Error(`duplicate node ${node}`)
    const checked = paths.map(checkedPath)
    const twice = checked.find((path, index) => checked.indexOf(path) !== index)
    if (twice !== undefined) throw new Error(`duplicate path ${twice} of node ${node}`)
    nodePaths.set(node, checked)
  }
  if (cmdTimeoutSeconds < 0) throw new Error(`invalid cmdTimeoutSeconds ${cmdTimeoutSeconds}`)
  return {
    nodePaths,
    commandTimeoutMs: (cmdTimeoutSeconds === 0 ? DEFAULT_TIMEOUT_SECONDS : cmdTimeoutSeconds) * 1000,
    ...(sharedFileSystemPath !== '' && { sharedPath: checkedPath(sharedFileSystemPath) }),
  }
}

function checkedPath(path: string): string {
  const clean = normalize(path).replace(/(.)\/$/, '$1')
  if (!isAbsolute(clean)) throw new Error(`path ${path} is not absolute`)
  if (clean === '/') throw new Error('the root folder cannot be used')
  return clean
}

/** The folder for a new volume; a class may ask for one of the configured folders. Throws when the node has none. */
export function choosePath(
  config: ProvisionerConfig,
  node: string,
  options: { wanted?: string | undefined; random: () => number },
): string {
  if (config.sharedPath !== undefined) return config.sharedPath
  const paths = config.nodePaths.get(node) ?? config.nodePaths.get(DEFAULT_NODE)
  if (paths === undefined) throw new Error(`config doesn't contain node ${node}, and no ${DEFAULT_NODE} available`)
  if (paths.length === 0) throw new Error(`no local path available on node ${node}`)
  if (options.wanted !== undefined) {
    if (!paths.includes(options.wanted)) throw new Error(`config doesn't contain path ${options.wanted} on node ${node}`)
    return options.wanted
  }
  return paths[Math.floor(options.random() * paths.length)] ?? paths[0] ?? ''
}
