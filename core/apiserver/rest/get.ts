import { badRequest, notFound } from '../errors.ts'
import { objectForm, objectResponse } from '../output/object-output.ts'
import type { ApiResponse } from '../request.ts'
import { namespaceOf, type RestRequest } from './rest-context.ts'
import { waitForRevision } from './wait-for-revision.ts'

/** GET of one object, and of its `status`-like subresources, which show the whole object. */
export function handleGet(rest: RestRequest): ApiResponse | Promise<ApiResponse> {
  const { request, def, services } = rest
  const form = objectForm(request, def)
  const wanted = request.query.size === 0 ? null : request.query.get('resourceVersion')
  if (wanted === null || wanted === '' || wanted === '0') return answer(rest, form)
  if (!/^\d+$/.test(wanted)) throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(wanted)}: invalid syntax`)
  return waitForRevision(services.cacheOf(def), Number(wanted), services.clock, request.signal).then(() => answer(rest, form))
}

function answer(rest: RestRequest, form: ReturnType<typeof objectForm>): ApiResponse | Promise<ApiResponse> {
  const { request, info, def, services } = rest
  const entry = services.cacheOf(def).get(namespaceOf(rest), info.name)
  if (entry === undefined) throw notFound(def, info.name)
  return objectResponse(200, entry, def, { request, form, nowMs: services.clock.now() })
}
