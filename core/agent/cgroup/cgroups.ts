import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type QosClass, qosClassOf } from '../../api/rules/qos.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import { ignoreMissing, isErrno } from '../../runtime/missing-file.ts'
import type { CgroupHierarchy } from './hierarchy.ts'
import { type CgroupLimits, filesV1, filesV2, quotaOf, sharesOf } from './limits.ts'
import { podResources } from './pod-resources.ts'

export interface CgroupOptions {
  readonly hierarchy: CgroupHierarchy
  /** Cgroup below which all pods live, such as `/kubepods`. */
  readonly root: string
  readonly enforcesCpuQuota: boolean
  /** Per pod; -1: no limit. */
  readonly podPidsLimit: number
}

/** The cgroups of pods: `/kubepods`, below it `burstable` and `besteffort`, below those one for each pod. Cgroupfs driver. */
export interface PodCgroups {
  /** What the runtime takes as parent of the pod's containers. */
  parentOf(pod: Pod): string
  /** Creates the pod's cgroup and sets its limits; repeating it updates them. */
  ensure(pod: Pod): Promise<void>
  /** Removes what is left of the pod: processes first. */
  remove(uid: string): Promise<void>
  /** Pods that have a cgroup. */
  list(): Promise<readonly string[]>
  /** Shares of the burstable pods together, so that they get what they asked for beside guaranteed ones. */
  updateBurstable(pods: readonly Pod[]): Promise<void>
}

const QOS_DIRS: Readonly<Record<QosClass, string>> = { Guaranteed: '', Burstable: 'burstable', BestEffort: 'besteffort' }

export function createPodCgroups(options: CgroupOptions): PodCgroups {
  const { root } = options
  const pathOf = (pod: Pod): string => join(root, QOS_DIRS[qosClassOf(pod.spec)], `pod${pod.metadata.uid}`)
  const all = (uid: string): readonly string[] => Object.values(QOS_DIRS).map((dir) => join(root, dir, `pod${uid}`))
  return {
    parentOf: pathOf,
    ensure: async (pod) => {
      await setLimits(options, join(root, 'besteffort'), { cpuShares: sharesOf(0) })
      await setLimits(options, pathOf(pod), podLimits(pod, options))
    },
    remove: async (uid) => {
      for (const path of all(uid)) for (const dir of directoriesOf(options.hierarchy, path)) await removeTree(dir)
    },
    list: async () => {
      const found = new Set<string>()
      for (const qos of Object.values(QOS_DIRS)) {
        const [dir] = directoriesOf(options.hierarchy, join(root, qos))
        for (const name of (await ignoreMissing(readdir(dir ?? ''))) ?? []) if (name.startsWith('pod')) found.add(name.slice(3))
      }
      return [...found]
    },
    updateBurstable: async (pods) => {
      const burstable = pods.filter((pod) => qosClassOf(pod.spec) === 'Burstable')
      const millicores = burstable.reduce((sum, pod) => sum + podResources(pod).cpuRequestMillicores, 0)
      await setLimits(options, join(root, 'burstable'), { cpuShares: sharesOf(millicores) })
    },
  }
}

function podLimits(pod: Pod, { enforcesCpuQuota, podPidsLimit }: CgroupOptions): CgroupLimits {
  const { cpuRequestMillicores, cpuLimitMillicores = 0, memoryLimitBytes = 0 } = podResources(pod)
  const quota = enforcesCpuQuota ? quotaOf(cpuLimitMillicores) : 0
  return {
    cpuShares: sharesOf(cpuRequestMillicores),
    cpuQuotaMicros: quota > 0 ? quota : undefined,
    memoryBytes: memoryLimitBytes > 0 ? memoryLimitBytes : undefined,
    pids: podPidsLimit > 0 ? podPidsLimit : undefined,
  }
}

/** Directories that stand for one cgroup, first the one that holds the CPU controller. */
function directoriesOf(hierarchy: CgroupHierarchy, path: string): readonly string[] {
  if (hierarchy.version === 2) return [join(hierarchy.tree, path)]
  const cpu = hierarchy.trees.get('cpu') ?? ''
  return [...new Set([cpu, ...hierarchy.trees.values()])].map((tree) => join(tree, path))
}

async function setLimits({ hierarchy }: CgroupOptions, path: string, limits: CgroupLimits): Promise<void> {
  if (hierarchy.version === 2) {
    await delegate(hierarchy, path)
    for (const [file, text] of Object.entries(filesV2(limits))) await write(join(hierarchy.tree, path, file), text)
    return
  }
  for (const { controller, file, text } of filesV1(limits)) {
    const dir = join(hierarchy.trees.get(controller) ?? '', path)
    await mkdir(dir, { recursive: true })
    await write(join(dir, file), text)
  }
}

/** Version 2: each level hands its controllers to the next; a level with processes of its own cannot, so they move aside first. */
async function delegate(hierarchy: CgroupHierarchy & { version: 2 }, path: string): Promise<void> {
  const wanted = hierarchy.controllers.filter((name) => ['cpu', 'cpuset', 'memory', 'pids', 'io', 'hugetlb'].includes(name))
  const text = wanted.map((name) => `+${name}`).join(' ')
  let dir = hierarchy.tree
  for (const part of path.split('/').filter((name) => name !== '')) {
    try {
      await writeFile(join(dir, 'cgroup.subtree_control'), text)
    } catch (err) {
      if (!isErrno(err, 'EBUSY')) throw err
      await moveProcesses(dir, join(dir, 'init'))
      await writeFile(join(dir, 'cgroup.subtree_control'), text)
    }
    dir = join(dir, part)
    await mkdir(dir, { recursive: true })
  }
}

async function moveProcesses(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const pid of (await readFile(join(from, 'cgroup.procs'), 'utf8')).split('\n')) {
    // A process that ended meanwhile, or one of the kernel's own, stays where it is.
    if (pid !== '') await writeFile(join(to, 'cgroup.procs'), pid).catch(() => undefined)
  }
}

/** The kernel refuses some limits while a larger one is in use; the pod then keeps what it has. */
async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (err) {
    if (!isErrno(err, 'ENOENT', 'EBUSY', 'EINVAL')) throw err
  }
}

async function removeTree(dir: string): Promise<void> {
  if ((await ignoreMissing(stat(dir))) === undefined) return
  for (const entry of await readdir(dir, { withFileTypes: true })) if (entry.isDirectory()) await removeTree(join(dir, entry.name))
  await killProcesses(dir)
  try {
    await rmdir(dir)
  } catch (err) {
    if (!isErrno(err, 'ENOENT')) throw err
  }
}

async function killProcesses(dir: string): Promise<void> {
  // 0 stands for a process outside of this PID namespace; as a target it would mean our own process group.
  const pids = ((await ignoreMissing(readFile(join(dir, 'cgroup.procs'), 'utf8'))) ?? '').split('\n').filter((pid) => Number(pid) > 0)
  for (const pid of pids) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      continue // ended meanwhile
    }
  }
}
