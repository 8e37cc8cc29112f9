import { isSidecar } from '../../../api/rules/pod-containers.ts'
import type { ContainerState, ContainerStatus, Pod } from '../../../api/types/core-v1.ts'
import type { Cell } from '../resource-def.ts'
import { age, conditionOf, isTrue, NONE } from './cells.ts'
import { AGE_COLUMN, columnOf, NAME_COLUMN, type Table } from './table.ts'

/** What one walk over a pod's container statuses finds out. */
interface Summary {
  reason: string
  ready: number
  total: number
  restarts: number
  /** RFC 3339 time of the last restart, empty when none is known. */
  lastRestart: string
}

/** The state text of a container that ended. */
function endedReason(state: NonNullable<ContainerState['terminated']>): string {
  if ((state.reason ?? '') !== '') return state.reason ?? ''
  return (state.signal ?? 0) !== 0 ? `Signal:${state.signal ?? 0}` : `ExitCode:${state.exitCode}`
}

const later = (a: string, b: string | undefined): string => (b !== undefined && b > a ? b : a)

const isSidecarOf = (pod: Pod, name: string): boolean => pod.spec.initContainers?.some((c) => c.name === name && isSidecar(c)) ?? false

/** What holds initialisation up, undefined when this container does not. */
function initReason(status: ContainerStatus, sidecar: boolean, position: string): string | undefined {
  const { terminated, waiting } = status.state
  if (terminated?.exitCode === 0) return undefined
  if (sidecar && status.started === true) return undefined
  if (terminated !== undefined) return `Init:${endedReason(terminated)}`
  const reason = waiting?.reason ?? ''
  return reason !== '' && reason !== 'PodInitializing' ? `Init:${reason}` : `Init:${position}`
}

/** Walks the init containers up to the one that is not done. Returns the sidecars' restarts, which outlive initialisation. */
function summarizeInit(pod: Pod, summary: Summary): { blocked: boolean; restarts: number; lastRestart: string } {
  const sidecars = { blocked: false, restarts: 0, lastRestart: '' }
  const statuses = pod.status.initContainerStatuses ?? []
  for (const [index, status] of statuses.entries()) {
    const finished = status.lastState.terminated?.finishedAt
    summary.restarts += status.restartCount
    summary.lastRestart = later(summary.lastRestart, finished)
    const sidecar = isSidecarOf(pod, status.name)
    if (sidecar) {
      sidecars.restarts += status.restartCount
      sidecars.lastRestart = later(sidecars.lastRestart, finished)
    }
    const reason = initReason(status, sidecar, `${index}/${pod.spec.initContainers?.length ?? 0}`)
    if (reason !== undefined) {
      summary.reason = reason
      sidecars.blocked = true
      return sidecars
    }
    if (sidecar && status.started === true && status.state.terminated?.exitCode !== 0 && status.ready) summary.ready++
  }
  return sidecars
}

/** The app containers, last to first, so that the first one's reason wins. */
function summarizeMain(pod: Pod, summary: Summary): void {
  let running = false
  let failure = ''
  for (const status of (pod.status.containerStatuses ?? []).toReversed()) {
    const { waiting, terminated } = status.state
    summary.restarts += status.restartCount
    summary.lastRestart = later(summary.lastRestart, status.lastState.terminated?.finishedAt)
    if ((waiting?.reason ?? '') !== '') summary.reason = waiting?.reason ?? ''
    else if (terminated !== undefined) {
      summary.reason = endedReason(terminated)
      if (terminated.exitCode !== 0) failure = summary.reason
    } else if (status.ready && status.state.running !== undefined) {
      running = true
      summary.ready++
    }
  }
  if (summary.reason !== 'Completed') return
  if (running && isTrue(pod.status.conditions, 'Ready')) summary.reason = 'Running'
  else if (failure !== '') summary.reason = failure
  else if (running) summary.reason = 'NotReady'
}

/** Ready count, status text and restarts as `kubectl get pods` shows them. Source: shared facts on printers, "podStatus". */
export function podSummary(pod: Pod): Readonly<Summary> {
  const { status, spec, metadata } = pod
  const summary: Summary = {
    reason: status.reason ?? status.phase ?? '',
    ready: 0,
    total: spec.containers.length + (spec.initContainers?.filter(isSidecar).length ?? 0),
    restarts: 0,
    lastRestart: '',
  }
  if (status.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated') === true)
    summary.reason = 'SchedulingGated'
  const sidecars = summarizeInit(pod, summary)
  if (!sidecars.blocked || isTrue(status.conditions, 'Initialized')) {
    summary.restarts = sidecars.restarts
    summary.lastRestart = sidecars.lastRestart
    summarizeMain(pod, summary)
  }
  if (metadata.deletionTimestamp !== undefined) {
    if (status.reason === 'NodeLost') summary.reason = 'Unknown'
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') summary.reason = 'Terminating'
  }
  return summary
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? []
  if (gates.length === 0) return NONE
  const met = gates.filter((gate) => conditionOf(pod.status.conditions, gate.conditionType)?.status === 'True').length
  return `${met}/${gates.length}`
}

const orNone = (text: string | undefined): string => (text === undefined || text === '' ? NONE : text)

function podRow(pod: Pod, nowMs: number): readonly Cell[] {
  const { ready, total, reason, restarts, lastRestart } = podSummary(pod)
  return [
    pod.metadata.name,
    `${ready}/${total}`,
    reason,
    restarts > 0 && lastRestart !== '' ? `${restarts} (${age(lastRestart, nowMs)} ago)` : String(restarts),
    age(pod.metadata.creationTimestamp, nowMs),
    orNone(pod.status.podIPs?.[0]?.ip),
    orNone(pod.spec.nodeName),
    orNone(pod.status.nominatedNodeName),
    readinessGates(pod),
  ]
}

const COMPLETED: Readonly<Record<string, string>> = {
  Succeeded: 'The pod has completed successfully.',
  Failed: 'The pod failed.',
}

export const podTable: Table<Pod> = {
  columns: [
    NAME_COLUMN,
    columnOf('Ready', { description: 'Containers that are ready, of all that should be.' }),
    columnOf('Status', { description: 'Phase of the pod, or what its containers wait for or ended with.' }),
    columnOf('Restarts', { description: 'How often containers of this pod were restarted, and when the last time.' }),
    AGE_COLUMN,
    columnOf('IP', { priority: 1, description: 'Address of the pod.' }),
    columnOf('Node', { priority: 1, description: 'Node the pod is bound to.' }),
    columnOf('Nominated Node', { priority: 1, description: 'Node on which the scheduler is making room by preemption.' }),
    columnOf('Readiness Gates', { priority: 1, description: 'Extra conditions that are met, of those the pod asks for.' }),
  ],
  toRow: podRow,
  rowConditions(pod) {
    const { phase } = pod.status
    const message = COMPLETED[phase ?? '']
    return message === undefined ? [] : [{ type: 'Completed', status: 'True', reason: phase, message }]
  },
}
