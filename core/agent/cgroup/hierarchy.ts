import { readFile } from 'node:fs/promises'

/** How this machine's cgroups are mounted. Version 1 has one tree per controller, version 2 one for all. */
export type CgroupHierarchy =
  | { readonly version: 1; readonly trees: ReadonlyMap<string, string> }
  | { readonly version: 2; readonly tree: string; readonly controllers: readonly string[] }

const V1_CONTROLLERS = new Set([
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'pids',
  'blkio',
  'devices',
  'freezer',
  'hugetlb',
  'net_cls',
  'net_prio',
  'perf_event',
  'name=systemd',
])

/** Throws Error when the controllers without which pods cannot be limited are missing. */
export async function detectCgroups(): Promise<CgroupHierarchy> {
  return readHierarchy(await readFile('/proc/self/mounts', 'utf8'), (path) => readFile(path, 'utf8'))
}

/** Finds version and mount points in the text of /proc/self/mountinfo or mounts. Throws Error when there is none. */
export async function readHierarchy(mounts: string, read: (path: string) => Promise<string>): Promise<CgroupHierarchy> {
  const entries = mounts.split('\n').map((line) => line.split(' '))
  const trees = new Map<string, string>()
  for (const [, target = '', type, options = ''] of entries) {
    if (type === 'cgroup') for (const name of options.split(',')) if (V1_CONTROLLERS.has(name)) trees.set(name, target)
  }
  // A hybrid machine mounts the unified tree beside the others, without controllers.
  if (trees.has('memory') || trees.has('cpu')) return { version: 1, trees: require(trees, ['cpu', 'memory', 'pids']) }
  const tree = entries.find(([, , type]) => type === 'cgroup2')?.[1]
  if (tree === undefined) throw new Error('no cgroup file system is mounted')
  const controllers = (await read(`${tree}/cgroup.controllers`)).trim().split(' ')
  require(new Map(controllers.map((name) => [name, tree])), ['cpu', 'memory', 'pids'])
  return { version: 2, tree, controllers }
}

function require(trees: ReadonlyMap<string, string>, names: readonly string[]): ReadonlyMap<string, string> {
  const missing = names.filter((name) => !trees.has(name))
  if (missing.length > 0)
    throw new Error(`the kernel offers no cgroup controller ${missing.join(', ')}; enable it (kernel command line) and restart`)
  return trees
}
