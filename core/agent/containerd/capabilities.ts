import { readFileSync } from 'node:fs'

/** Bit of CAP_SYS_RESOURCE. Source: linux/capability.h. */
const SYS_RESOURCE = 24n

/**
 * Whether this process may make others less likely to be killed for memory. Some machines, containers above all, withhold that right
 * from root; runc then fails to start anything that asks for it, unless containerd is told.
 */
export function canLowerOomScore(): boolean {
  const status = readFileSync('/proc/self/status', 'utf8')
  return hasCapability(status, SYS_RESOURCE)
}

/** Reads the effective set from the text of /proc/PID/status. `bit` is the capability's number. */
export function hasCapability(procStatus: string, bit: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(procStatus)?.[1] ?? '0'
  return (BigInt(`0x${effective}`) & (1n << bit)) !== 0n
}
