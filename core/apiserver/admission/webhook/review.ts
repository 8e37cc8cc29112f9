import { randomUUID } from 'node:crypto'
import type { AdmissionRequest, AdmissionResponse } from '../../../api/types/admission-v1.ts'
import type { KubeObject } from '../../../meta/object.ts'
import { StatusError, type StatusReason } from '../../../meta/status-error.ts'
import type { AdmissionAttributes } from '../admission.ts'
import { inVersion, requestOf } from '../request-variables.ts'
import type { Hook } from './hook.ts'
import type { Match } from './match.ts'

const GROUP = 'admission.k8s.io'
/** Both have the same fields. */
const SPOKEN = ['v1', 'v1beta1']

export interface Review {
  readonly apiVersion: string
  readonly request: AdmissionRequest
}

/** The question as a webhook gets it. Throws when it speaks no version we do. */
export function buildReview(hook: Hook, attributes: AdmissionAttributes, { def }: Match): Review {
  const version = hook.admissionReviewVersions.find((known) => SPOKEN.includes(known))
  if (version === undefined) throw new Error('webhook does not accept known AdmissionReview versions (v1, v1beta1)')
  return {
    apiVersion: `${GROUP}/${version}`,
    request: {
      uid: randomUUID(),
      ...requestOf(attributes, def),
      object: bodyOf(attributes.object, attributes, def),
      oldObject: bodyOf(attributes.oldObject, attributes, def),
    },
  }
}

function bodyOf(object: KubeObject | undefined, attributes: AdmissionAttributes, def: Match['def']): KubeObject | null {
  return object === undefined ? null : inVersion(object, attributes, def)
}

/** Checks that the answer belongs to the question. Throws a plain Error with Kubernetes' text. */
export function readResponse(body: unknown, { apiVersion, request }: Review): AdmissionResponse {
  const answer = (body ?? {}) as { readonly apiVersion?: string; readonly kind?: string; readonly response?: AdmissionResponse | null }
  if (answer.apiVersion !== apiVersion || answer.kind !== 'AdmissionReview') {
    throw new Error(
      `expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${answer.apiVersion ?? ''}, Kind=${answer.kind ?? ''}`,
    )
  }
  const { response } = answer
  if (response === undefined || response === null) throw new Error('webhook response was absent')
  if (response.uid !== request.uid)
    throw new Error(`expected response.uid=${JSON.stringify(request.uid)}, got ${JSON.stringify(response.uid)}`)
  checkForm(response)
  checkPatch(response, apiVersion.endsWith('/v1'))
  return response
}

const FORMS: Readonly<Record<string, (value: unknown) => boolean>> = {
  allowed: (value) => typeof value === 'boolean',
  patch: (value) => typeof value === 'string',
  patchType: (value) => typeof value === 'string',
  warnings: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  status: (value) => typeof value === 'object' && !Array.isArray(value),
  'status.message': (value) => typeof value === 'string',
  'status.reason': (value) => typeof value === 'string',
  'status.code': (value) => Number.isInteger(value),
  'status.details': (value) => typeof value === 'object' && !Array.isArray(value),
}

/** A webhook may answer anything: what is read later must be of its type. */
function checkForm(response: AdmissionResponse): void {
  for (const [path, fits] of Object.entries(FORMS)) {
    const value = path
      .split('.')
      .reduce<unknown>((at, key) => (at as Readonly<Record<string, unknown>> | null | undefined)?.[key], response)
    if (value !== undefined && value !== null && !fits(value))
      throw new Error(`could not decode the answer: response.${path} is of the wrong type`)
  }
}

/** The older version of the review knows no patch types. */
function checkPatch(response: AdmissionResponse, isStrict: boolean): void {
  const [patch, patchType] = [response.patch ?? '', response.patchType ?? '']
  if (patch !== '' && patchType !== '' && patchType !== 'JSONPatch') {
    throw new Error(`unsupported webhook response.patchType ${JSON.stringify(patchType)}, expected JSONPatch`)
  }
  if (!isStrict || (patch === '') === (patchType === '')) return
  const [has, lacks] = patch === '' ? ['patchType', 'patch'] : ['patch', 'patchType']
  throw new Error(`webhook returned response.${has} but not response.${lacks}`)
}

/** A refusal in the webhook's own words and with its code, which is one of a failure. */
export function refusal(hook: Hook, status: AdmissionResponse['status']): StatusError {
  const { message, reason, code, details } = status ?? {}
  const text = [message, reason].find((part) => (part ?? '') !== '')
  const subject = `admission webhook ${JSON.stringify(hook.name)} denied the request`
  return new StatusError(
    (reason ?? '') as StatusReason,
    text === undefined ? `${subject} without explanation` : `${subject}: ${text}`,
    details ?? {},
    {
      code: Math.min(Math.max(code ?? 0, 400), 599),
    },
  )
}
