import { nestsTooDeep } from '../../meta/json-depth.ts'
import { decodeObject, strictErrorText, strictProblems } from '../../meta/decode/decode.ts'
import { invalid } from '../../meta/field-error.ts'
import type { KubeObject } from '../../meta/object.ts'
import { applyPatch } from '../../meta/patch/apply/apply.ts'
import { jsonPatch } from '../../meta/patch/json-patch.ts'
import { mergePatch } from '../../meta/patch/merge-patch.ts'
import { strategicMergePatch } from '../../meta/patch/strategic-merge.ts'
import { apiVersionOf } from '../../meta/resource-type.ts'
import { badRequest, invalidObject, unsupportedMediaType } from '../errors.ts'
import { isBuiltIn } from '../output/view.ts'
import type { ApiRequest } from '../request.ts'
import type { ResourceDef, Work } from '../resources/resource-def.ts'
import { mediaType } from './body.ts'
import { applyDefaults, checkName } from './defaults.ts'
import { resetFieldsOf, setManagedFields } from './managed-fields.ts'
import type { WriteContext } from './write-context.ts'

export type PatchKind = 'json' | 'merge' | 'strategic' | 'apply'

const MEDIA_TYPES: Readonly<Record<string, PatchKind>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
}

/** A patch as the client sent it, parsed. */
export interface PatchRequest {
  readonly kind: PatchKind
  readonly body: unknown
  /** A key that stands twice, for YAML only. */
  readonly duplicate?: string
}

/** From the Content-Type. Throws StatusError UnsupportedMediaType; custom kinds know no strategic merge. */
export function patchKind(request: ApiRequest, def: ResourceDef): PatchKind {
  const kind = MEDIA_TYPES[mediaType(request.headers['content-type'])]
  if (kind !== undefined && (kind !== 'strategic' || isBuiltIn(def))) return kind
  const accepted = Object.entries(MEDIA_TYPES).filter(([, type]) => type !== 'strategic' || isBuiltIn(def))
  throw unsupportedMediaType(accepted.map(([type]) => type))
}

/** Throws StatusError BadRequest for a body that is neither JSON nor, for apply, YAML. */
export async function readPatch(request: ApiRequest, kind: PatchKind): Promise<PatchRequest> {
  const text = Buffer.from(await request.body()).toString('utf8')
  try {
    if (nestsTooDeep(text)) throw new Error('exceeded max depth')
    // JSON is YAML, and the parser for it is a hundred times faster.
    if (kind !== 'apply' || text.startsWith('{')) return { kind, body: JSON.parse(text) as unknown }
    const { value, duplicate } = (await import('../../runtime/yaml.ts')).parseLenientYaml(text)
    return { kind, body: value, ...(duplicate !== undefined && { duplicate }) }
  } catch (err) {
    throw badRequest(`error decoding ${kind === 'apply' ? 'YAML' : 'patch'}: ${err instanceof Error ? err.message : ''}`)
  }
}

/**
 * The state that a JSON, merge or strategic patch makes of the object in `bytes`: decoded and defaulted, the caller's own.
 * Throws StatusError, where Kubernetes does.
 */
export function patchedState(patch: PatchRequest, bytes: Uint8Array, context: WriteContext): Work<KubeObject> {
  const { def } = context
  const patched = apply(patch, parse(bytes), def)
  if (typeof patched !== 'object' || patched === null || Array.isArray(patched)) throw unpatchable(patched, 'the result is no object')
  const { kind, apiVersion } = patched as Partial<KubeObject>
  if (kind !== def.kind || apiVersion !== apiVersionOf(def))
    throw badRequest(`the API version in the data (${String(apiVersion)}) does not match the expected API version (${apiVersionOf(def)})`)
  const object = decodePatched(patched, context)
  checkName(object, context)
  applyDefaults(object, context)
  return object
}

function apply({ kind, body }: PatchRequest, target: Readonly<Record<string, unknown>>, def: ResourceDef): unknown {
  switch (kind) {
    case 'json':
      return jsonPatch(target, body)
    case 'merge':
      return mergePatch(target, body)
    case 'strategic':
      return strategicMergePatch(def.schema, target, body)
    case 'apply':
      throw new Error('broken invariant: apply has its own way')
  }
}

function decodePatched(patched: object, { def, options, warn }: WriteContext): Work<KubeObject> {
  const decoded = decodeObject(patched, def.schema)
  const [first] = decoded.errors
  if (first !== undefined) throw unpatchable(patched, first)
  const problems = strictProblems(decoded)
  if (problems.length > 0 && options.validation === 'Strict') throw unpatchable(patched, strictErrorText(problems))
  if (options.validation === 'Warn') for (const problem of problems) warn(problem)
  const object = decoded.object
  object['metadata'] ??= {}
  return object as unknown as Work<KubeObject>
}

/** A patch whose result does not fit the kind. Source: apiserver, handlers/patch.go. */
function unpatchable(patched: unknown, problem: string): Error {
  return invalidObject({ group: '', kind: '' }, '', [invalid('patch', JSON.stringify(patched), problem)])
}

/** The state after server-side apply, with its managedFields; `bytes` is absent when applying creates. */
export function appliedState(patch: PatchRequest, bytes: Uint8Array | undefined, context: WriteContext): Work<KubeObject> {
  const { def, options, subresource, nowMs } = context
  const { body } = patch
  if (patch.duplicate !== undefined) reportDuplicate(patch.duplicate, context)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('error decoding YAML: the body is no object')
  const { object, managedFields } = applyPatch({
    live: bytes === undefined ? undefined : parse(bytes),
    // NOTE: the merged object takes parts of the configuration over, and decoding changes those; a retry needs it whole.
    patch: structuredClone(body) as Readonly<Record<string, unknown>>,
    schema: def.schema,
    manager: options.fieldManager,
    apiVersion: apiVersionOf(def),
    force: options.force,
    subresource,
    resetFields: resetFieldsOf(def, subresource),
    nowMs,
  })
  const state = decodeApplied(object, def)
  const metadata = state.metadata as { name?: string }
  if (metadata.name === undefined || metadata.name === '') metadata.name = context.name
  checkName(state, context)
  applyDefaults(state, context)
  setManagedFields(state, managedFields)
  return state
}

function reportDuplicate(duplicate: string, { options, warn }: WriteContext): void {
  const text = `error converting YAML to JSON: yaml: unmarshal errors:\n  ${duplicate}`
  if (options.validation === 'Strict') throw badRequest(`error strict decoding YAML: ${text}`)
  if (options.validation === 'Warn') warn(text)
}

function decodeApplied(object: object, def: ResourceDef): Work<KubeObject> {
  const decoded = decodeObject(object, def.schema)
  const [first] = decoded.errors
  if (first !== undefined)
    throw badRequest(`${def.kind} in version ${JSON.stringify(def.version)} cannot be handled as a ${def.kind}: ${first}`)
  return { kind: def.kind, apiVersion: apiVersionOf(def), ...decoded.object } as unknown as Work<KubeObject>
}

/** A copy that patching and decoding may change; the cached object is shared by everybody. */
function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as Readonly<Record<string, unknown>>
}
