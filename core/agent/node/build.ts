import type { Node, NodeAddress, NodeCondition, Taint } from '../../api/types/core-v1.ts'
import type { Draft } from '../../meta/object.ts'
import { architecture } from '../../runtime/architecture.ts'
import type { AgentSettings } from '../settings.ts'
import { type Pressure, type Resources } from './facts.ts'

/** The Node as it first registers; labels and taints of the user are given only then. Source: K3s docs, agent. */
export function buildNode(settings: AgentSettings): Draft<Node> {
  const { nodeName, nodeIp } = settings
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: nodeName,
      labels: { ...systemLabels(settings), ...parseLabels(settings.nodeLabels) },
      annotations: {
        ...ownAnnotations(settings),
        'k3s.io/hostname': nodeName,
        'k3s.io/internal-ip': nodeIp,
        ...(settings.nodeExternalIp !== undefined && { 'k3s.io/external-ip': settings.nodeExternalIp }),
        'node.alpha.kubernetes.io/ttl': '0',
      },
    },
    spec: { taints: initialTaints(settings) },
  }
}

/** Kept right at every start, whoever changed them. */
export function systemLabels(settings: AgentSettings): Readonly<Record<string, string>> {
  return {
    'beta.kubernetes.io/arch': architecture(),
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture(),
    'kubernetes.io/hostname': settings.nodeName,
    'kubernetes.io/os': 'linux',
  }
}

function ownAnnotations(settings: AgentSettings): Readonly<Record<string, string>> {
  return {
    ...settings.nodeAnnotations,
    ...(settings.hasCloudController === true && { 'alpha.kubernetes.io/provided-node-ip': settings.nodeIp }),
  }
}

function initialTaints(settings: AgentSettings): readonly Taint[] {
  const own = settings.nodeTaints.map(parseTaint)
  const uninitialized: Taint = { key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' }
  return settings.hasCloudController === true ? [...own, uninitialized] : own
}

/** `key=value` texts; one without `=` gets an empty value. */
export function parseLabels(labels: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    labels.map((label) => {
      const at = label.indexOf('=')
      return at < 0 ? [label, ''] : [label.slice(0, at), label.slice(at + 1)]
    }),
  )
}

/** `key=value:Effect` or `key:Effect`. Throws with the form that was expected. */
export function parseTaint(text: string): Taint {
  const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(text)
  if (match === null) throw new Error(`--node-taint: "${text}" is not of the form key=value:NoSchedule, PreferNoSchedule or NoExecute`)
  return { key: match[1] ?? '', ...(match[2] !== undefined && match[2] !== '' && { value: match[2] }), effect: match[3] as 'NoSchedule' }
}

/** With a cloud controller the external addresses are its business. */
export function addressesOf(settings: AgentSettings): readonly NodeAddress[] {
  const external =
    settings.nodeExternalIp === undefined || settings.hasCloudController === true
      ? []
      : [{ type: 'ExternalIP', address: settings.nodeExternalIp }]
  return [{ type: 'InternalIP', address: settings.nodeIp }, ...external, { type: 'Hostname', address: settings.nodeName }]
}

export interface Health {
  /** Why the node cannot run pods; empty when it can. */
  readonly problems: readonly string[]
  readonly pressure: Pressure
}

/** The kubelet's conditions with its reasons; transition times are kept while a status stays. */
export function conditionsOf(health: Health, old: readonly NodeCondition[], now: string): readonly NodeCondition[] {
  const pressures: readonly (readonly [string, boolean, string, string, string])[] = [
    ['MemoryPressure', health.pressure.memory, 'KubeletHasInsufficientMemory', 'KubeletHasSufficientMemory', 'memory available'],
    ['DiskPressure', health.pressure.disk, 'KubeletHasDiskPressure', 'KubeletHasNoDiskPressure', 'disk pressure'],
    ['PIDPressure', health.pressure.pid, 'KubeletHasInsufficientPID', 'KubeletHasSufficientPID', 'PID available'],
  ]
  const facts = pressures.map(([type, on, bad, good, what]) => ({
    type,
    status: on ? 'True' : 'False',
    reason: on ? bad : good,
    message: pressureMessage(type, on, what),
  }))
  const ready = health.problems.length === 0
  const all = [
    ...facts,
    {
      type: 'Ready',
      status: ready ? 'True' : 'False',
      reason: ready ? 'KubeletReady' : 'KubeletNotReady',
      message: ready ? 'kubelet is posting ready status' : health.problems.join(', '),
    },
  ]
  const mine = all.map((fact) => {
    const before = old.find((condition) => condition.type === fact.type)
    return {
      ...fact,
      lastHeartbeatTime: now,
      lastTransitionTime: before?.status === fact.status ? (before.lastTransitionTime ?? now) : now,
    }
  })
  return [...old.filter((condition) => !mine.some((own) => own.type === condition.type)), ...mine]
}

function pressureMessage(type: string, on: boolean, what: string): string {
  if (type === 'DiskPressure') return on ? 'kubelet has disk pressure' : 'kubelet has no disk pressure'
  return `kubelet has ${on ? 'insufficient' : 'sufficient'} ${what}`
}

/** Everything but heartbeat times: equal means that nothing needs to be told before the next full report. */
export function sameConditions(a: readonly NodeCondition[], b: readonly NodeCondition[]): boolean {
  const plain = (list: readonly NodeCondition[]): string =>
    JSON.stringify(list.map(({ type, status, reason, message }) => [type, status, reason, message]).sort())
  return plain(a) === plain(b)
}

export type { Resources }
