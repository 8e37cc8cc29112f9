import { validatingAdmissionPolicies } from '../../../api/kinds.ts'
import { keepStatus, type StatusDeps } from '../../extension/keep-status.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'
import { expressionWarnings } from './type-checking.ts'

export interface PolicyStatusDeps extends StatusDeps {
  readonly resources: { readonly all: () => readonly ResourceDef[] }
}

/**
 * Tells in the status of each ValidatingAdmissionPolicy what its expressions look like beside the fields of the kinds it names. Resolves when the
 * signal has ended it. Source: kube-controller-manager, validatingadmissionpolicy-status-controller.
 */
export function keepPolicyStatus(deps: PolicyStatusDeps): Promise<void> {
  return keepStatus(deps, {
    type: validatingAdmissionPolicies,
    statusOf: ({ metadata, spec, status }) => {
      if (status.observedGeneration === metadata.generation) return undefined
      const warnings = expressionWarnings(spec, deps.resources.all())
      const typeChecking = warnings.length === 0 ? {} : { expressionWarnings: warnings }
      return { ...status, observedGeneration: metadata.generation, typeChecking }
    },
  })
}
