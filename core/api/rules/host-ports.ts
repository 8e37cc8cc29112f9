import type { Pod } from '../types/core-v1.ts'
import { lastingContainers } from './pod-containers.ts'

/** A port of the node that a pod asks for; without an address of its own, on all of them (`0.0.0.0`). */
export interface HostPort {
  readonly ip: string
  readonly protocol: string
  readonly port: number
}

export function hostPortsOf(pod: Pod): readonly HostPort[] {
  return lastingContainers(pod.spec).flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP, protocol }) =>
      hostPort === undefined || hostPort <= 0
        ? []
        : [{ ip: hostIP === undefined || hostIP === '' ? '0.0.0.0' : hostIP, protocol: protocol ?? 'TCP', port: hostPort }],
    ),
  )
}

/** The wildcard address collides with every address. */
export function portsCollide(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0')
}
