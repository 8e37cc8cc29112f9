import type { Entry } from '../cache/cache.ts'
import type { ApiResponse } from '../request.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import { formResponse, jsonResponse } from '../response.ts'
import { JSON_OBJECT, negotiate, type OutputForm } from './form.ts'
import { partialProtobuf, protobufOf } from './protobuf.ts'
import { includeObjectOf, partialObject, TABLE_END, tableHead, tableRow } from './table.ts'
import { bytesOf, hasView, isBuiltIn, objectOf, prepareViews } from './view.ts'

export interface OutputRequest {
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** The form a client wants for one object of `def`. Throws StatusError NotAcceptable. */
export function objectForm(request: OutputRequest, def: ResourceDef): OutputForm {
  return negotiate(request.headers['accept'], { endpoint: 'object', protobuf: isBuiltIn(def) })
}

/** Answers with one object. Plain JSON is the stored bytes themselves. */
export function objectResponse(
  status: number,
  entry: Entry,
  def: ResourceDef,
  options: { readonly request: OutputRequest; readonly form: OutputForm; readonly nowMs: number },
): ApiResponse | Promise<ApiResponse> {
  if (!hasView(def, entry)) return prepareViews(def, [entry]).then(() => objectResponse(status, entry, def, options))
  const { request, form } = options
  if (form === JSON_OBJECT && !wantsPretty(request)) return jsonResponse(status, bytesOf(def, entry))
  if (form.encoding === 'protobuf') {
    const bytes = form.shape === 'metadata' ? partialProtobuf(form.metaVersion, objectOf(def, entry)) : protobufOf(def, entry)
    return formResponse(status, form, bytes)
  }
  return textForm(status, shaped(entry, def, options), form, request)
}

function shaped(
  entry: Entry,
  def: ResourceDef,
  { request, form, nowMs }: { readonly request: OutputRequest; readonly form: OutputForm; readonly nowMs: number },
): Uint8Array {
  switch (form.shape) {
    case 'object':
      return bytesOf(def, entry)
    case 'metadata':
      return partialObject(form.metaVersion, bytesOf(def, entry))
    case 'table': {
      const view = { def, metaVersion: form.metaVersion, include: includeObjectOf(request.query), nowMs }
      const { resourceVersion } = objectOf(def, entry).metadata
      return Buffer.concat([tableHead(view, { resourceVersion }), tableRow(view, entry), TABLE_END])
    }
  }
}

/** JSON bytes as they are, indented, or as YAML. */
export function textForm(status: number, json: Uint8Array, form: OutputForm, request: OutputRequest): ApiResponse | Promise<ApiResponse> {
  if (form.encoding === 'yaml') return yamlResponse(status, json, form)
  if (!wantsPretty(request)) return jsonResponse(status, json)
  return jsonResponse(status, Buffer.from(`${JSON.stringify(parse(json), null, 2)}\n`))
}

async function yamlResponse(status: number, json: Uint8Array, form: OutputForm): Promise<ApiResponse> {
  const { formatYaml } = await import('../../runtime/yaml.ts')
  return formResponse(status, form, Buffer.from(formatYaml(parse(json))))
}

function parse(json: Uint8Array): unknown {
  return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'))
}

const HUMANS = /^(curl|Wget|Mozilla\/5\.0)/

/** `pretty=true`, or a client that people read. Source: apiserver, responsewriters, isPrettyPrint. */
export function wantsPretty({ query, headers }: OutputRequest): boolean {
  const asked = query.size === 0 ? null : query.get('pretty')
  if (asked !== null) return asked === 'true' || asked === '1'
  const agent = headers['user-agent']
  return agent !== undefined && HUMANS.test(agent)
}
