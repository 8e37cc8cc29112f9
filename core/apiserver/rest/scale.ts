import { schemaOf } from '../../api/schemas.ts'
import { decodeObject } from '../../meta/decode/decode.ts'
import { invalid } from '../../meta/field-error.ts'
import type { KubeObject } from '../../meta/object.ts'
import { jsonPatch } from '../../meta/patch/json-patch.ts'
import { mergePatch } from '../../meta/patch/merge-patch.ts'
import { strategicMergePatch } from '../../meta/patch/strategic-merge.ts'
import { formatSelector, type LabelSelectorLike, selectorOf, selectorOfMap } from '../../meta/selector.ts'
import { invariant } from '../../runtime/invariant.ts'
import { badRequest, invalidObject, notFound } from '../errors.ts'
import type { Entry } from '../cache/cache.ts'
import { negotiate, type OutputForm } from '../output/form.ts'
import { textForm } from '../output/object-output.ts'
import { protobufReader, valueToProtobuf } from '../output/protobuf.ts'
import { bytesOf, isBuiltIn, objectOf, prepareViews } from '../output/view.ts'
import { readBody } from '../pipeline/body.ts'
import { decodeBody, type ExpectedType } from '../pipeline/decode.ts'
import { checkName } from '../pipeline/defaults.ts'
import { writeOptions } from '../pipeline/options.ts'
import { type PatchRequest, patchKind, readPatch } from '../pipeline/patch.ts'
import { updateObject } from '../pipeline/update.ts'
import type { WriteContext } from '../pipeline/write-context.ts'
import type { ApiResponse } from '../request.ts'
import { formResponse } from '../response.ts'
import type { ResourceDef, SubresourceDef, Work } from '../resources/resource-def.ts'
import { namespaceOf, type RestRequest, writeContextOf } from './rest-context.ts'

type ScaleDef = Extract<SubresourceDef, { type: 'scale' }>

interface Scale {
  readonly kind: 'Scale'
  readonly apiVersion: 'autoscaling/v1'
  readonly metadata: Readonly<Record<string, unknown>>
  readonly spec: { readonly replicas?: number | undefined }
  readonly status: { readonly replicas: number; readonly selector?: string }
}

const TYPE: ExpectedType = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  get schema() {
    return schemaOf('autoscaling_v1.Scale')
  },
}

/** GET, PUT and PATCH of `scale`: autoscaling/v1 Scale over three paths of the parent. */
export async function handleScale(rest: RestRequest, scale: ScaleDef): Promise<ApiResponse> {
  const { request, info, def, services } = rest
  const form = negotiate(request.headers['accept'], { endpoint: 'object', protobuf: true })
  if (info.verb === 'get') {
    const entry = services.cacheOf(def).get(namespaceOf(rest), info.name)
    if (entry === undefined) throw notFound(def, info.name)
    await prepareViews(def, [entry])
    return answer(rest, form, scaleOf(def, scale, entry))
  }
  const isPatch = info.verb === 'patch'
  const kind = isPatch ? patchKind(request, def) : undefined
  const context = writeContextOf(rest, writeOptions(request, isPatch ? 'PatchOptions' : 'UpdateOptions', kind === 'apply'))
  const wanted = kind === undefined ? await sentScale(rest, context) : patchedScale(rest, await readPatch(request, kind), context, scale)
  const next = (current: Entry | undefined): Work<KubeObject> => {
    invariant(current !== undefined, 'a scale creates nothing')
    return rescaled(def, scale, { current, wanted: wanted(current), context })
  }
  // The parent's own hooks run: replicas are a part of its spec like any other.
  const { entry } = await updateObject(services, { next, isPatch, createsWhenAbsent: false }, context)
  await prepareViews(def, [entry])
  return answer(rest, form, scaleOf(def, scale, entry))
}

type WantedScale = (current: Entry) => Work<KubeObject>

async function sentScale({ request }: RestRequest, context: WriteContext): Promise<WantedScale> {
  const body = await readBody(request, TYPE.kind, protobufReader(TYPE))
  const object = decodeBody(body, TYPE, { validation: context.options.validation, warn: context.warn })
  checkName(object, context)
  return () => object
}

function patchedScale(rest: RestRequest, patch: PatchRequest, context: WriteContext, scale: ScaleDef): WantedScale {
  return (current) => {
    const target = structuredClone(scaleOf(rest.def, scale, current)) as unknown as Record<string, unknown>
    const patched = patchScale(patch, target)
    const object = decodeBody({ value: structuredClone(patched) }, TYPE, { validation: context.options.validation, warn: context.warn })
    checkName(object, context)
    return object
  }
}

/** Applying a Scale merges it: there is one field to own, and the owner is recorded on the parent. */
function patchScale({ kind, body }: PatchRequest, target: Record<string, unknown>): unknown {
  if (kind === 'json') return jsonPatch(target, body)
  if (kind === 'strategic') return strategicMergePatch(TYPE.schema, target, body)
  return mergePatch(target, body)
}

/** The parent with the wanted replicas, and its revision when the Scale named one. */
function rescaled(
  def: ResourceDef,
  scale: ScaleDef,
  { current, wanted, context }: { readonly current: Entry; readonly wanted: Work<KubeObject>; readonly context: WriteContext },
): Work<KubeObject> {
  const replicas = (wanted as unknown as Scale).spec.replicas ?? 0
  if (replicas < 0) throw invalidObject(TYPE, context.name, [invalid('spec.replicas', replicas, 'must be greater than or equal to 0')])
  const { object } = decodeObject(parse(bytesOf(def, current)), def.schema)
  setPath(object, scale.specReplicas, replicas)
  const next = object as unknown as Work<KubeObject>
  const { resourceVersion, uid } = wanted.metadata as { readonly resourceVersion?: string; readonly uid?: string }
  if (resourceVersion !== undefined) next.metadata.resourceVersion = resourceVersion
  if (uid !== undefined && uid !== '') next.metadata.uid = uid
  return next
}

function scaleOf(def: ResourceDef, scale: ScaleDef, entry: Entry): Scale {
  const object = objectOf(def, entry)
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const replicas = numberAt(object, scale.specReplicas) ?? 0
  const selector = selectorText(def, object, scale)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace !== undefined && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: numberAt(object, scale.statusReplicas) ?? 0, ...(selector !== '' && { selector }) },
  }
}

/** Built-in kinds have a LabelSelector or a plain map there, custom kinds its text. */
function selectorText(def: ResourceDef, object: KubeObject, { labelSelector }: ScaleDef): string {
  const value = labelSelector === undefined ? undefined : valueAt(object, labelSelector)
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null || !isBuiltIn(def)) return ''
  const isMap = !('matchLabels' in value) && !('matchExpressions' in value)
  return formatSelector(isMap ? selectorOfMap(value as Record<string, string>) : selectorOf(value as LabelSelectorLike))
}

function answer(rest: RestRequest, form: OutputForm, scale: Scale): ApiResponse | Promise<ApiResponse> {
  if (form.encoding === 'protobuf') return formResponse(200, form, valueToProtobuf(scale))
  return textForm(200, Buffer.from(`${JSON.stringify(scale)}\n`), form, rest.request)
}

function pathKeys(path: string): string[] {
  return path.split('.').filter((key) => key !== '')
}

function valueAt(object: object, path: string): unknown {
  let value: unknown = object
  for (const key of pathKeys(path)) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Readonly<Record<string, unknown>>)[key]
  }
  return value
}

function numberAt(object: object, path: string): number | undefined {
  const value = valueAt(object, path)
  return typeof value === 'number' ? value : undefined
}

function setPath(object: Record<string, unknown>, path: string, value: unknown): void {
  const keys = pathKeys(path)
  const last = keys.pop()
  if (last === undefined) throw badRequest(`the path ${path} of the replicas is empty`)
  let parent = object
  for (const key of keys) parent = (parent[key] ??= {}) as Record<string, unknown>
  parent[last] = value
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as unknown
}
