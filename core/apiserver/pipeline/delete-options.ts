import { type FieldError, invalid, notSupported } from '../../meta/field-error.ts'
import { badRequest, invalidObject } from '../errors.ts'
import type { ApiRequest } from '../request.ts'
import { type ParsedBody, readBody } from './body.ts'
import { dryRunOf } from './options.ts'

export type PropagationPolicy = 'Foreground' | 'Background' | 'Orphan'

/** meta/v1 DeleteOptions, from the body or, without one, from the query. */
export interface DeleteOptions {
  /** Seconds; undefined: the kind's own. */
  readonly gracePeriodSeconds: number | undefined
  /** Undefined: what the object's finalizers, and then the kind, say. */
  readonly propagation: PropagationPolicy | undefined
  readonly uid: string | undefined
  readonly resourceVersion: string | undefined
  readonly dryRun: boolean
  /** The caller asked for cascading in a way that makes an unfinished delete a 202. */
  readonly wantsCascade: boolean
}

const POLICIES: ReadonlySet<string> = new Set(['Foreground', 'Background', 'Orphan'])

/** The fields as they stand in a body, unchecked. */
export interface DeleteOptionsBody {
  readonly kind?: unknown
  readonly gracePeriodSeconds?: unknown
  readonly orphanDependents?: unknown
  readonly propagationPolicy?: unknown
  readonly preconditions?: { readonly uid?: unknown; readonly resourceVersion?: unknown } | null | undefined
  readonly dryRun?: unknown
}

/** Throws StatusError BadRequest for an unreadable body, Invalid for bad options. Source: apiserver, handlers/delete.go. */
export async function readDeleteOptions(request: ApiRequest, readProtobuf?: (bytes: Uint8Array) => unknown): Promise<DeleteOptions> {
  const bytes = await request.body()
  return bytes.length === 0
    ? checkedDeleteOptions(fromQuery(request.query))
    : fromBody(await readBody(request, 'DeleteOptions', readProtobuf), request)
}

function fromBody(body: ParsedBody, request: ApiRequest): DeleteOptions {
  const { value } = body
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('decoded object cannot be converted to DeleteOptions')
  const { kind } = value as DeleteOptionsBody
  if (typeof kind === 'string' && kind !== '' && kind !== 'DeleteOptions')
    throw badRequest('decoded object cannot be converted to DeleteOptions')
  const dryRun = (value as DeleteOptionsBody).dryRun ?? (request.query.has('dryRun') ? request.query.getAll('dryRun') : undefined)
  return checkedDeleteOptions({ ...value, dryRun })
}

function fromQuery(query: URLSearchParams): DeleteOptionsBody {
  const grace = query.get('gracePeriodSeconds')
  const orphan = query.get('orphanDependents')
  const policy = query.get('propagationPolicy')
  return {
    ...(grace !== null && grace !== '' && { gracePeriodSeconds: integerOf(grace) }),
    ...(orphan !== null && orphan !== '' && { orphanDependents: orphan === 'true' || orphan === '1' }),
    ...(policy !== null && policy !== '' && { propagationPolicy: policy }),
    ...(query.has('dryRun') && { dryRun: query.getAll('dryRun') }),
  }
}

function integerOf(text: string): number {
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

/** From an options object that was decoded already. Throws StatusError Invalid. */
export function checkedDeleteOptions(wire: DeleteOptionsBody): DeleteOptions {
  const errors: FieldError[] = []
  const { gracePeriodSeconds, orphanDependents, propagationPolicy, preconditions } = wire
  if (isSet(gracePeriodSeconds) && !Number.isSafeInteger(gracePeriodSeconds))
    throw badRequest('json: cannot unmarshal into Go struct field DeleteOptions.gracePeriodSeconds of type int64')
  if (isSet(orphanDependents) && isSet(propagationPolicy))
    errors.push(invalid('propagationPolicy', propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'))
  if (isSet(propagationPolicy) && !POLICIES.has(String(propagationPolicy)))
    errors.push(notSupported('propagationPolicy', propagationPolicy, [...POLICIES, 'nil']))
  const dryRun = dryRunOf(listOf(wire.dryRun), errors)
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors)
  const orphan = isSet(orphanDependents) ? orphanDependents === true : undefined
  const policy = isSet(propagationPolicy) ? (propagationPolicy as PropagationPolicy) : undefined
  return {
    gracePeriodSeconds: isSet(gracePeriodSeconds) ? Number(gracePeriodSeconds) : undefined,
    propagation: policy ?? (orphan === undefined ? undefined : orphan ? 'Orphan' : 'Background'),
    uid: textOf(preconditions?.uid),
    resourceVersion: textOf(preconditions?.resourceVersion),
    dryRun,
    wantsCascade: policy === 'Foreground' || orphan === false,
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function listOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String)
  return isSet(value) ? [String(value)] : []
}
