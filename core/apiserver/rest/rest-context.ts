import type { Logger } from '../../observability/log.ts'
import type { Awaitable } from '../../runtime/awaitable.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { WriteContext } from '../pipeline/write-context.ts'
import type { WriteServices } from '../pipeline/write-services.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import type { ResourceRequest } from '../request-info.ts'
import type { ApiSettings, ResourceDef } from '../resources/resource-def.ts'

/** What the verb handlers work with, beyond the write pipeline. */
export interface RestServices extends WriteServices {
  readonly clock: Clock
  readonly settings: ApiSettings
  readonly log: Logger
  /** Seconds after which a watch without `timeoutSeconds` ends: this much to twice as much. Source: --min-request-timeout. */
  readonly minWatchSeconds: number
}

/** One request for one resource, after routing and authorization. */
export interface RestRequest {
  readonly request: ApiRequest
  readonly info: ResourceRequest
  readonly def: ResourceDef
  readonly services: RestServices
  /** Texts for Warning headers; the server adds them to the answer. */
  readonly warnings: string[]
}

export type RestHandler = (rest: RestRequest) => Awaitable<ApiResponse>

/** The namespace that stored objects of this request have; empty for cluster-scoped kinds. */
export function namespaceOf({ def, info }: RestRequest): string {
  return def.namespaced ? info.namespace : ''
}

function warnInto(warnings: string[]): (text: string) => void {
  return (text) => {
    warnings.push(text)
  }
}

/** The pipeline's view of a request. */
export function writeContextOf(rest: RestRequest, options: WriteContext['options']): WriteContext {
  const { request, info, def, services, warnings } = rest
  return {
    def,
    namespace: namespaceOf(rest),
    name: info.name,
    subresource: info.subresource,
    options,
    user: request.user,
    nowMs: services.clock.now(),
    settings: services.settings,
    signal: request.signal,
    warn: warnInto(warnings),
    ...(request.audit !== undefined && { audit: request.audit }),
  }
}
