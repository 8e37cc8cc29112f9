import type { ObjectName } from '../../meta/object.ts'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import { Backoff } from '../../runtime/backoff.ts'
import type { Clock } from '../../runtime/clock.ts'
import { type BootstrapDeps, bootstrapObjects } from './bootstrap.ts'
import { SYSTEM_NAMESPACES } from './cluster-objects.ts'

export interface KeepDeps extends BootstrapDeps {
  readonly clock: Clock
  readonly log: Logger
  /** Ends the keeping. */
  readonly signal: AbortSignal
  /** Called once, when everything exists. */
  readonly onComplete?: () => void
}

export interface KeptObjects {
  /** Whether everything exists already; what does not is tried again in the background. */
  readonly complete: boolean
  /** Settles when the signal has aborted; never rejects. */
  readonly done: Promise<void>
}

const SETTLE_MS = 1_000
const MAX_RETRY_MS = 30_000

/**
 * Makes the objects of every cluster and keeps those that others depend on: the `kubernetes` service with its endpoints, which
 * `kubectl delete --all` takes along, and the system namespaces. A failure (a webhook that is not up yet, say) does not keep the
 * server from starting.
 */
export async function keepClusterObjects(deps: KeepDeps): Promise<KeptObjects> {
  const lost = watchForLoss(deps)
  const complete = await attempt(deps)
  if (complete) deps.onComplete?.()
  return { complete, done: keep(deps, lost, complete) }
}

async function attempt(deps: KeepDeps): Promise<boolean> {
  try {
    await bootstrapObjects({ ...deps, nowMs: deps.clock.now() })
    return true
  } catch (err) {
    if (!isAborted(deps.signal)) deps.log.warn({ err }, 'Objects of the cluster could not be made, retrying')
    return false
  }
}

async function keep(deps: KeepDeps, lost: Loss, complete: boolean): Promise<void> {
  const { clock, signal } = deps
  const backoff = new Backoff({ baseMs: SETTLE_MS, maxMs: MAX_RETRY_MS })
  let isDone = complete
  let wasComplete = complete
  try {
    while (!isAborted(signal)) {
      if (isDone) {
        backoff.reset()
        await lost.next(signal)
      }
      await clock.sleep(backoff.nextMs(), signal)
      isDone = await attempt(deps)
      if (isDone && !wasComplete) deps.onComplete?.()
      wasComplete ||= isDone
    }
  } catch (err) {
    if (!isAborted(signal)) throw err
  } finally {
    lost.close()
  }
}

interface Loss {
  /** Resolves when something was deleted since the last call. */
  next(signal: AbortSignal): Promise<void>
  close(): void
}

const NAMED_KUBERNETES = [
  { group: '', resource: 'services' },
  { group: '', resource: 'endpoints' },
  { group: 'discovery.k8s.io', resource: 'endpointslices' },
]
const NAMESPACES = { group: '', resource: 'namespaces' }

function watchForLoss({ reader }: KeepDeps): Loss {
  let isLost = false
  let wake: () => void = () => undefined
  const onLoss = (): void => {
    isLost = true
    wake()
  }
  const isKubernetes = ({ namespace, name }: ObjectName): boolean => namespace === 'default' && name === 'kubernetes'
  const isSystem = ({ name }: ObjectName): boolean => SYSTEM_NAMESPACES.some((known) => known === name)
  const follow = (type: { readonly group: string; readonly resource: string }, isOurs: (name: ObjectName) => boolean): (() => void) =>
    reader.onChange(type, (changed) => {
      if (changed === undefined || !isOurs(changed)) return
      if (reader.get(type, changed.namespace ?? '', changed.name) === undefined) onLoss()
    })
  const removers = [...NAMED_KUBERNETES.map((type) => follow(type, isKubernetes)), follow(NAMESPACES, isSystem)]
  return {
    next: async (signal) => {
      if (!isLost) {
        await new Promise<void>((resolve) => {
          wake = () => {
            signal.removeEventListener('abort', wake)
            resolve()
          }
          signal.addEventListener('abort', wake, { once: true })
        })
      }
      isLost = false
    },
    close: () => {
      for (const remove of removers) remove()
    },
  }
}
