import type { UserInfo } from '../auth/auth.ts'
import type { RequestAudit } from '../request.ts'
import type { ApiSettings, HookContext, ResourceDef } from '../resources/resource-def.ts'
import type { WriteOptions } from './options.ts'

/** What every step of one write knows. */
export interface WriteContext extends HookContext {
  readonly def: ResourceDef
  /** Namespace of the request; empty for cluster-scoped kinds. */
  readonly namespace: string
  /** Name of the request; empty on create. */
  readonly name: string
  readonly subresource: string
  readonly options: WriteOptions
  readonly user: UserInfo
  readonly nowMs: number
  readonly settings: ApiSettings
  readonly signal: AbortSignal
  /** Adds a Warning header to the answer. */
  readonly warn: (text: string) => void
  /** The record of the request, when the audit log wants one. */
  readonly audit?: RequestAudit
}
