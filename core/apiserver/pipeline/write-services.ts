import type { KubeObject } from '../../meta/object.ts'
import type { Authorizer } from '../auth/auth.ts'
import type { ResourceCache } from '../cache/cache.ts'
import type { ResourceDef, Work } from '../resources/resource-def.ts'
import type { AdmissionChain } from './admission-chain.ts'
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

/** Values taken from a pool for one write: kept when it was stored, given back when it failed or was a dry run. */
export interface Reservation {
  keep(): void
  release(): void
}

/** Work that needs state outside of the object, after admission and before validation. Throws StatusError. */
export interface WriteHook {
  readonly onCreate?: (object: Work<KubeObject>, context: WriteContext) => Reservation | undefined
  readonly onUpdate?: (next: Work<KubeObject>, old: KubeObject, context: WriteContext) => Reservation | undefined
}
