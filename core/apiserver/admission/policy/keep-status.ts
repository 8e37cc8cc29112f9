import { validatingAdmissionPolicies } from '../../../api/kinds.ts'
import type { ValidatingAdmissionPolicy } from '../../../api/types/admissionregistration-v1.ts'
import { apiVersionOf } from '../../../meta/resource-type.ts'
import { isConflict, isNotFound } from '../../../meta/status-error.ts'
import type { Logger } from '../../../observability/log.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { WorkQueue } from '../../../runtime/work-queue.ts'
import { type OwnRequest, ownRequests } from '../../extension/own-requests.ts'
import type { Handler } from '../../request.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'
import type { ObjectReader } from '../admission.ts'
import { expressionWarnings } from './type-checking.ts'

export interface PolicyStatusDeps {
  readonly reader: ObjectReader
  readonly resources: { readonly all: () => readonly ResourceDef[] }
  readonly handle: Handler
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

const TYPE = { kind: validatingAdmissionPolicies.kind, apiVersion: apiVersionOf(validatingAdmissionPolicies) }
const PATH = `/apis/${TYPE.apiVersion}/${validatingAdmissionPolicies.resource}`

/**
 * Tells in the status of each ValidatingAdmissionPolicy what its expressions look like beside the fields of the kinds it names. Resolves when the
 * signal has ended it. Source: kube-controller-manager, validatingadmissionpolicy-status-controller.
 */
export async function keepPolicyStatus(deps: PolicyStatusDeps): Promise<void> {
  const { reader, clock, log, signal } = deps
  const request = ownRequests(deps.handle, signal)
  const queue = new WorkQueue<string>({ clock, maxMs: 30_000 })
  const addAll = (): void => {
    for (const { metadata } of reader.list<ValidatingAdmissionPolicy>(validatingAdmissionPolicies)) queue.add(metadata.name)
  }
  const stop = reader.onChange(validatingAdmissionPolicies, (changed) => {
    if (changed === undefined) addAll()
    else queue.add(changed.name)
  })
  const shutDown = (): void => {
    queue.shutDown()
  }
  if (signal.aborted) shutDown()
  signal.addEventListener('abort', shutDown, { once: true })
  addAll()
  for (let name = await queue.take(); name !== undefined; name = await queue.take()) {
    try {
      await reconcile(name, deps, request)
      queue.forget(name)
    } catch (err) {
      const delayMs = queue.addRateLimited(name)
      if (!signal.aborted && delayMs > 5_000)
        log.warn({ err, policy: name }, 'The status of a ValidatingAdmissionPolicy cannot be written yet')
    } finally {
      queue.done(name)
    }
  }
  signal.removeEventListener('abort', shutDown)
  stop()
}

async function reconcile(name: string, { reader, resources }: PolicyStatusDeps, request: OwnRequest): Promise<void> {
  const policy = reader.get<ValidatingAdmissionPolicy>(validatingAdmissionPolicies, '', name)
  if (policy === undefined || policy.status.observedGeneration === policy.metadata.generation) return
  const warnings = expressionWarnings(policy.spec, resources.all())
  const typeChecking = warnings.length === 0 ? {} : { expressionWarnings: warnings }
  const status = { ...policy.status, observedGeneration: policy.metadata.generation, typeChecking }
  try {
    await request('PUT', `${PATH}/${name}/status`, { ...policy, ...TYPE, status })
  } catch (err) {
    // The newer state comes here by itself.
    if (!isConflict(err) && !isNotFound(err)) throw err
  }
}
