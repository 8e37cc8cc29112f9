import { apiServices } from '../../../api/kinds.ts'
import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../../../meta/status-error.ts'
import { toTimestamp } from '../../../meta/time.ts'
import type { Logger } from '../../../observability/log.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { WorkQueue } from '../../../runtime/work-queue.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import type { Handler } from '../../request.ts'
import type { ResourceTable } from '../../resource-table.ts'
import { type OwnRequest, ownRequests } from '../own-requests.ts'
import { AUTOMANAGED, AVAILABLE, localServices, planServices } from './local-services.ts'

export interface LocalServicesDeps {
  readonly resources: ResourceTable
  readonly reader: ObjectReader
  readonly handle: Handler
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

const PATH = '/apis/apiregistration.k8s.io/v1/apiservices'
const TYPE = { kind: apiServices.kind, apiVersion: 'apiregistration.k8s.io/v1' }

/**
 * Keeps an APIService for every group version that this server serves itself, and tells that it is available; those of
 * custom groups come and go with them. Resolves when the signal has ended it. Source: kube-aggregator, autoregistration.
 */
export async function keepLocalApiServices(deps: LocalServicesDeps): Promise<void> {
  const { resources, reader, log, signal, clock } = deps
  const request = ownRequests(deps.handle, signal)
  const queue = new WorkQueue<'all'>({ clock, maxMs: 30_000 })
  const again = (): void => {
    queue.add('all')
  }
  const shutDown = (): void => {
    queue.shutDown()
  }
  const removers = [resources.onChange(again), reader.onChange(apiServices, again)]
  if (signal.aborted) shutDown()
  signal.addEventListener('abort', shutDown, { once: true })
  again()
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    try {
      await reconcile(deps, request)
      queue.forget(key)
    } catch (err) {
      const delayMs = queue.addRateLimited(key)
      if (!signal.aborted && delayMs > 5_000) log.warn({ err }, 'APIServices of this server cannot be kept yet')
    } finally {
      queue.done(key)
    }
  }
  signal.removeEventListener('abort', shutDown)
  for (const remove of removers) remove()
}

async function reconcile({ resources, reader, clock }: LocalServicesDeps, request: OwnRequest): Promise<void> {
  const { create, remove, announce } = planServices(localServices(resources.all()), reader.list<APIService>(apiServices))
  for (const { name, managed, spec } of create)
    await request('POST', PATH, { ...TYPE, metadata: { name, labels: { [AUTOMANAGED]: managed } }, spec }).catch(unless(isAlreadyExists))
  for (const { metadata } of remove) await request('DELETE', `${PATH}/${metadata.name}`).catch(unless(isNotFound))
  const now = toTimestamp(clock.now())
  for (const service of announce) {
    const status = { conditions: [{ ...AVAILABLE, lastTransitionTime: now }] }
    await request('PUT', `${PATH}/${service.metadata.name}/status`, { ...service, ...TYPE, status }).catch(unless(isConflict))
  }
}

/** The next change brings us here again for what somebody else did meanwhile. */
function unless(expected: (err: unknown) => boolean): (err: unknown) => void {
  return (err) => {
    if (!expected(err)) throw err
  }
}
