import type { KubeObject } from '../../meta/object.ts'
import type { Authorizer } from '../auth/auth.ts'
import type { ResourceCache } from '../cache/cache.ts'
import type { ResourceDef, Work } from '../resources/resource-def.ts'
import type { AdmissionChain } from './admission-chain.ts'
import type { Outcome } from './admit.ts'
import type { WriteContext } from './write-context.ts'

/** What the steps of a write work with. */
export interface WriteServices {
  /** Throws StatusError when the resource is not stored or not loaded. */
  readonly cacheOf: (def: ResourceDef) => ResourceCache
  readonly admission: AdmissionChain
  readonly authorizer: Authorizer
  /** Allocation of what is unique in the cluster; at most one a kind. */
  readonly hookOf: (def: ResourceDef) => WriteHook | undefined
}

/**
 * Work that needs state outside of the object, after admission and before validation. What it takes from a pool it gives
 * back when `outcome` says that nothing was committed. Throws StatusError.
 */
export interface WriteHook {
  readonly onCreate?: (object: Work<KubeObject>, context: WriteContext, outcome: Outcome) => void
  readonly onUpdate?: (next: Work<KubeObject>, old: KubeObject, context: WriteContext, outcome: Outcome) => void
}
