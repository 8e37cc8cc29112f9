/**
 * Life of a pod on this node, apart from what its containers do.
 * Syncing: brought to what its spec wants. Terminating: containers are being ended. Terminated: they have ended, what the pod
 * holds is being released. Finished: nothing is left but its records, until the API forgets the pod.
 */
export type WorkerState = 'Syncing' | 'Terminating' | 'Terminated' | 'Finished'

export type WorkerEvent =
  /** The API object carries a deletion timestamp, or is gone. */
  | 'deleteRequested'
  /** All containers have ended and none runs again. */
  | 'podFinished'
  /** This node ends the pod: deadline, eviction, admission. */
  | 'evicted'
  | 'containersStopped'
  | 'resourcesReleased'

/** Total: there is no way back, as a pod that was ended never runs again. */
export const NEXT: Readonly<Record<WorkerState, Readonly<Record<WorkerEvent, WorkerState>>>> = {
  Syncing: {
    deleteRequested: 'Terminating',
    podFinished: 'Terminating',
    evicted: 'Terminating',
    containersStopped: 'Syncing',
    resourcesReleased: 'Syncing',
  },
  Terminating: {
    deleteRequested: 'Terminating',
    podFinished: 'Terminating',
    evicted: 'Terminating',
    containersStopped: 'Terminated',
    resourcesReleased: 'Terminating',
  },
  Terminated: {
    deleteRequested: 'Terminated',
    podFinished: 'Terminated',
    evicted: 'Terminated',
    containersStopped: 'Terminated',
    resourcesReleased: 'Finished',
  },
  Finished: {
    deleteRequested: 'Finished',
    podFinished: 'Finished',
    evicted: 'Finished',
    containersStopped: 'Finished',
    resourcesReleased: 'Finished',
  },
}
