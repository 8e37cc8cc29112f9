import type { KubeObject } from '../../meta/object.ts'
import type { AdmissionAttributes } from '../admission/admission.ts'
import type { Work } from '../resources/resource-def.ts'
import type { WriteContext } from './write-context.ts'

/**
 * How one write ended, for those who reserved something for it (quota, addresses): told once, with whether it was
 * committed. A dry run is not.
 */
export class Outcome {
  #listeners: ((committed: boolean) => void)[] | undefined

  readonly onSettled = (listener: (committed: boolean) => void): void => {
    this.#listeners ??= []
    this.#listeners.push(listener)
  }

  settle(committed: boolean): void {
    const listeners = this.#listeners ?? []
    this.#listeners = undefined
    for (const listener of listeners) listener(committed)
  }
}

export interface AdmissionSubject {
  readonly operation: AdmissionAttributes['operation']
  /** What will be stored; absent on a delete. */
  readonly object?: Work<KubeObject> | undefined
  readonly oldObject?: KubeObject | undefined
}

/** What admission sees of a write, in both rounds. */
export function admissionAttributes(context: WriteContext, subject: AdmissionSubject, outcome: Outcome): AdmissionAttributes {
  const { def, subresource, namespace, user, options, warn, audit } = context
  const { operation, object, oldObject } = subject
  const name = object?.metadata.name ?? context.name
  const { sent } = options
  return {
    operation,
    def,
    subresource,
    namespace,
    name,
    object,
    oldObject,
    user,
    dryRun: options.dryRun,
    ...(sent !== undefined && { options: sent }),
    onSettled: outcome.onSettled,
    warn,
    ...(audit !== undefined && { annotate: (key: string, value: string) => audit.annotate(key, value) }),
  }
}
