import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import type { RemoteOpenApi } from '../../discovery/catalog.ts'
import { askRemote } from './remote-check.ts'
import type { RemoteConnections } from './remote-target.ts'

/** What was taken over last, and under which tags, so that an unchanged document does not travel again. */
export interface KeptOpenApi {
  readonly shown: RemoteOpenApi
  readonly etag3: string
  readonly etag2: string
}

const NOTHING: KeptOpenApi = { shown: {}, etag3: '', etag2: '' }

/** Asks a server for its OpenAPI documents. A form it does not have is left out; the same object comes back when nothing changed. */
export async function fetchOpenApi(
  service: APIService,
  kept: KeptOpenApi = NOTHING,
  connections: RemoteConnections,
  signal: AbortSignal,
): Promise<KeptOpenApi> {
  const ask = (path: string, etag: string): ReturnType<typeof askRemote> =>
    askRemote(service, { path, headers: etag === '' ? {} : { 'if-none-match': etag } }, connections, signal)
  const [index, swagger] = await Promise.all([ask('/openapi/v3', kept.etag3), ask('/openapi/v2', kept.etag2)])
  if (index.status === 304 && swagger.status === 304) return kept
  const v3Url = index.status === 304 ? kept.shown.v3Url : urlIn(index.text, service)
  const v2 = swagger.status === 304 ? kept.shown.v2 : swagger.status === 200 ? swaggerIn(swagger.text, service) : undefined
  const shown = { ...(v3Url !== undefined && { v3Url }), ...(v2 !== undefined && { v2 }) }
  const same = JSON.stringify(shown) === JSON.stringify(kept.shown)
  return { shown: same ? kept.shown : shown, etag3: index.etag, etag2: swagger.etag }
}

/** The place of the group version's own document, with the hash that tells its content. */
function urlIn(text: string, { spec: { group = '', version = '' } }: APIService): string | undefined {
  const { paths } = parsed<{ readonly paths?: Readonly<Record<string, { readonly serverRelativeURL?: string }>> }>(text)
  const url = paths?.[`apis/${group}/${version}`]?.serverRelativeURL
  return url?.startsWith(`/openapi/v3/apis/${group}/${version}`) === true ? url : undefined
}

/** Only the group version's own paths: servers describe what all of them share as well. */
function swaggerIn(text: string, { spec: { group = '', version = '' } }: APIService): RemoteOpenApi['v2'] {
  const { paths = {}, definitions = {} } = parsed<Partial<NonNullable<RemoteOpenApi['v2']>>>(text)
  const prefix = `/apis/${group}/${version}/`
  const own = Object.entries(paths).filter(([path]) => path.startsWith(prefix))
  return own.length === 0 ? undefined : { paths: Object.fromEntries(own), definitions }
}

function parsed<T extends object>(text: string): Partial<T> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    // A server without OpenAPI answers some page.
    return {}
  }
}
