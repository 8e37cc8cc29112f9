import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, release, totalmem } from 'node:os'
import type { NodeSystemInfo } from '../../api/types/core-v1.ts'
import { addQuantity, formatQuantity, milliQuantityOf, parseQuantity, type Quantity, quantityOf, subQuantity } from '../../meta/quantity.ts'
import { architecture } from '../../runtime/architecture.ts'
import type { KubeletOptions } from '../kubelet-options.ts'

export type Resources = Readonly<Record<string, string>>

/** What the machine has. `root` is the folder whose file system holds pods and images. */
export function capacityOf(options: Pick<KubeletOptions, 'maxPods'>, root: string): Resources {
  const disk = statfsSync(root)
  return {
    cpu: String(availableParallelism()),
    'ephemeral-storage': `${Math.floor((disk.blocks * disk.bsize) / 1024)}Ki`,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: String(options.maxPods),
  }
}

/** Capacity less what the system, k3ts and the eviction thresholds keep. Source: Kubernetes docs, reserve compute resources. */
export function allocatableOf(
  capacity: Resources,
  options: Pick<KubeletOptions, 'systemReserved' | 'kubeReserved' | 'evictionHard'>,
): Resources {
  const thresholds: Readonly<Record<string, string | undefined>> = {
    memory: options.evictionHard['memory.available'],
    'ephemeral-storage': options.evictionHard['nodefs.available'],
  }
  return Object.fromEntries(
    Object.entries(capacity).map(([name, text]) => {
      const total = parseQuantity(text)
      const reserved = [options.systemReserved[name], options.kubeReserved[name]]
        .filter((item) => item !== undefined)
        .map((item) => parseQuantity(item))
      const held = [...reserved, shareOf(thresholds[name], total)].reduce((sum, part) => addQuantity(sum, part), quantityOf(0))
      const left = subQuantity(total, held)
      return [name, left.nano <= 0n ? '0' : format(name, left)]
    }),
  )
}

/** A threshold is an amount or a percentage of the whole. */
function shareOf(threshold: string | undefined, total: Quantity): Quantity {
  if (threshold === undefined) return quantityOf(0)
  return threshold.endsWith('%')
    ? { ...total, nano: (total.nano * BigInt(Math.round(Number(threshold.slice(0, -1)) * 100))) / 10_000n }
    : parseQuantity(threshold)
}

function format(name: string, quantity: Quantity): string {
  if (name === 'ephemeral-storage') return String(quantity.nano / 1_000_000_000n)
  if (name === 'memory') return `${quantity.nano / 1_000_000_000n / 1024n}Ki`
  return name === 'cpu' ? formatQuantity(milliQuantityOf(quantity.nano / 1_000_000n)) : formatQuantity(quantity)
}

/** Identity and software of the machine as nodeInfo shows it. */
export function systemInfo(versions: { readonly runtime: string; readonly kubelet: string }): NodeSystemInfo {
  const machineId = read('/etc/machine-id') ?? read('/var/lib/dbus/machine-id') ?? ''
  return {
    machineID: machineId,
    systemUUID: read('/sys/class/dmi/id/product_uuid') ?? machineId,
    bootID: read('/proc/sys/kernel/random/boot_id') ?? '',
    kernelVersion: release(),
    osImage: osName(),
    containerRuntimeVersion: versions.runtime,
    kubeletVersion: versions.kubelet,
    kubeProxyVersion: versions.kubelet,
    operatingSystem: 'linux',
    architecture: architecture(),
    swap: { capacity: swapBytes() },
  }
}

function osName(): string {
  const match = /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(read('/etc/os-release') ?? '')
  return match?.[1] ?? 'Linux'
}

function swapBytes(): number {
  const match = /^SwapTotal:\s+(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')
  return Number(match?.[1] ?? 0) * 1024
}

function read(path: string): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
  } catch {
    // readable by nobody in some containers: the field stays empty
    return undefined
  }
}

export interface Pressure {
  readonly memory: boolean
  readonly disk: boolean
  readonly pid: boolean
}

/** Whether free memory, disk or process numbers fall below the eviction thresholds. */
export function pressureOf(evictionHard: Readonly<Record<string, string>>, root: string): Pressure {
  const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1] ?? 0) * 1024
  const disk = statfsSync(root)
  const below = (free: number, total: number, threshold: string | undefined): boolean =>
    threshold !== undefined && free < Number(shareOf(threshold, quantityOf(Math.round(total))).nano / 1_000_000_000n)
  const running = Number((read('/proc/loadavg') ?? '').split(' ')[3]?.split('/')[1] ?? 0)
  const maximum = Number(read('/proc/sys/kernel/pid_max') ?? 32_768)
  return {
    memory: below(available, totalmem(), evictionHard['memory.available']),
    disk:
      below(disk.bavail * disk.bsize, disk.blocks * disk.bsize, evictionHard['nodefs.available']) ||
      below(disk.ffree, disk.files, evictionHard['nodefs.inodesFree']),
    pid: below(maximum - running, maximum, evictionHard['pid.available']),
  }
}
