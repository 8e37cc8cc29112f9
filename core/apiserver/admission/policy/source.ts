import { validatingAdmissionPolicies, validatingAdmissionPolicyBindings } from '../../../api/kinds.ts'
import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../../../api/types/admissionregistration-v1.ts'
import type { ObjectReader } from '../admission.ts'
import { type CompiledPolicy, compilePolicy } from './compiled.ts'

/** A policy and one binding that puts it to work. */
export interface BoundPolicy {
  readonly policy: ValidatingAdmissionPolicy
  readonly binding: ValidatingAdmissionPolicyBinding
  /** Compiled at the first request that it matches. */
  readonly compiled: () => CompiledPolicy
}

/** Gives all policies that are bound, by name of policy and binding; read again only after a change. */
export function boundPolicies(reader: ObjectReader): () => readonly BoundPolicy[] {
  let bound: readonly BoundPolicy[] | undefined
  let isFollowing = false
  return () => {
    // NOTE: at the first question, when the cache is surely loaded.
    if (!isFollowing) {
      isFollowing = true
      for (const kind of [validatingAdmissionPolicies, validatingAdmissionPolicyBindings])
        reader.onChange(kind, () => {
          bound = undefined
        })
    }
    bound ??= read(reader)
    return bound
  }
}

function read(reader: ObjectReader): readonly BoundPolicy[] {
  const bindings = Map.groupBy(
    reader.list<ValidatingAdmissionPolicyBinding>(validatingAdmissionPolicyBindings).toSorted(byName),
    ({ spec }) => spec.policyName ?? '',
  )
  return reader
    .list<ValidatingAdmissionPolicy>(validatingAdmissionPolicies)
    .toSorted(byName)
    .flatMap((policy) => {
      let made: CompiledPolicy | undefined
      const compiled = (): CompiledPolicy => (made ??= compilePolicy(policy.spec))
      return (bindings.get(policy.metadata.name) ?? []).map((binding) => ({ policy, binding, compiled }))
    })
}

interface Named {
  readonly metadata: { readonly name: string }
}

function byName(a: Named, b: Named): number {
  return a.metadata.name < b.metadata.name ? -1 : 1
}
