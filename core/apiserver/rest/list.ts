import { type StatusError } from '../../meta/status-error.ts'
import { listForm, listResponse } from '../output/list-output.ts'
import type { ApiResponse } from '../request.ts'
import { jsonValueResponse } from '../response.ts'
import { listOptions } from './list-options.ts'
import { ListExpired, readPage } from './page.ts'
import { namespaceOf, type RestRequest } from './rest-context.ts'
import { selectionOf } from './selection.ts'

/** GET of a collection. */
export async function handleList(rest: RestRequest): Promise<ApiResponse> {
  const { request, def, services } = rest
  const form = listForm(request, def)
  const options = listOptions(request.query, false)
  const selection = selectionOf(def, namespaceOf(rest), request.query)
  try {
    const page = await readPage(services.cacheOf(def), selection, options, { clock: services.clock, signal: request.signal })
    return await listResponse(page, def, { request, form, nowMs: services.clock.now() })
  } catch (err) {
    if (err instanceof ListExpired) return expiredResponse(err)
    throw err
  }
}

/** 410 with a token to go on without the lost history, where the request was for a further page. */
export function expiredResponse({ reason, token }: ListExpired): ApiResponse {
  if (token === undefined) throw reason
  const status = (reason satisfies StatusError).toStatus()
  return jsonValueResponse(status.code, { ...status, metadata: { continue: token } })
}
