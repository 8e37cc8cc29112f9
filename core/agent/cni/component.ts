/** Writes the CNI configuration once the node has a pod network, and sets the kernel up for routing and bridged services. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { nodes } from '../../api/kinds.ts'
import type { InformerFactory } from '../../client/informer.ts'
import type { Logger } from '../../observability/log.ts'
import type { Component } from '../../runtime/component.ts'
import { buildNetwork } from './config.ts'

export interface CniDeps {
  readonly informers: InformerFactory
  readonly nodeName: string
  /** Address whose interface gives the MTU. */
  readonly nodeIp: string
  readonly confDir: string
  readonly leaseDir: string
  readonly bridge: string
  readonly log: Logger
}

const FILE = '10-flannel.conflist'
const DEFAULT_MTU = 1500

/** `done` ends with the signal; a changed pod network is written again (pods keep their addresses until they restart). */
export function cniConfig(deps: CniDeps): Component {
  return {
    name: 'pod network',
    start: async (signal) => {
      await prepareKernel(deps.log)
      const informer = deps.informers.informer(nodes, { fieldSelector: `metadata.name=${deps.nodeName}` })
      const update = (): void => {
        const podCidr = informer.get(deps.nodeName)?.spec.podCIDR
        if (podCidr === undefined || podCidr === '') return
        const text = buildNetwork({ podCidr, bridge: deps.bridge, mtu: mtuOf(deps.nodeIp), leaseDir: deps.leaseDir })
        if (writeAtomic(join(deps.confDir, FILE), text)) deps.log.info({ podCidr }, 'Pod network configured')
      }
      const remove = informer.onChange(update)
      await deps.informers.waitForSync(signal)
      update()
      const done = new Promise<void>((resolve) => {
        const end = (): void => {
          remove()
          resolve()
        }
        if (signal.aborted) end()
        else signal.addEventListener('abort', end, { once: true })
      })
      return { done }
    },
  }
}

/**
 * Forwarding between pods and the world, packets of one bridge through the packet filter (else a service whose endpoint
 * is on the same bridge answers past it), and host ports on loopback for every interface made from now on.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '1',
  'net/bridge/bridge-nf-call-iptables': '1',
  'net/ipv4/conf/default/route_localnet': '1',
}

async function prepareKernel(log: Logger): Promise<void> {
  if (!existsSync('/proc/sys/net/bridge')) await promisify(execFile)('modprobe', ['br_netfilter']).catch(() => undefined)
  for (const [path, value] of Object.entries(SETTINGS)) {
    try {
      if (readFileSync(join('/proc/sys', path), 'utf8').trim() !== value) writeFileSync(join('/proc/sys', path), value)
    } catch (err) {
      log.warn({ err, setting: path.replaceAll('/', '.') }, 'Kernel setting not changed; services may be unreachable from some pods')
    }
  }
}

/** MTU of the interface that carries the address, so that pods never send what it cannot. */
function mtuOf(address: string): number {
  const name = Object.entries(networkInterfaces()).find(
    ([, addresses]) => addresses?.some((entry) => entry.address === address) === true,
  )?.[0]
  if (name === undefined) return DEFAULT_MTU
  const mtu = Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8'))
  return mtu > 0 && mtu < 65_536 ? Math.min(mtu, DEFAULT_MTU) : DEFAULT_MTU
}

/** Whole or not at all: the runtime watches the folder. True when the text changed. */
function writeAtomic(path: string, text: string): boolean {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.part`, text, { mode: 0o600 })
  renameSync(`${path}.part`, path)
  return true
}
