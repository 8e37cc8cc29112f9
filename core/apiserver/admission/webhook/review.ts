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
  const answer = (body ?? {}) as { readonly apiVersion?: string; readonly kind?: string; readonly response?: AdmissionResponse }
  if (answer.apiVersion !== apiVersion || answer.kind !== 'AdmissionReview') {
    throw new Error(
      `expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${answer.apiVersion ?? ''}, Kind=${answer.kind ?? ''}`,
    )
  }
  const { response } = answer
  if (response === undefined) throw new Error('webhook response was absent')
  if (response.uid !== request.uid)
    throw new Error(`expected response.uid=${JSON.stringify(request.uid)}, got ${JSON.stringify(response.uid)}`)
  checkPatch(response, apiVersion.endsWith('/v1'))
  return response
}

/** The older version of the review knows no patch types. */
function checkPatch({ patch = '', patchType = '' }: AdmissionResponse, isStrict: boolean): void {
  if (patch !== '' && patchType !== '' && patchType !== 'JSONPatch') {
    throw new Error(`unsupported webhook response.patchType ${JSON.stringify(patchType)}, expected JSONPatch`)
  }
  if (!isStrict || (patch === '') === (patchType === '')) return
  const [has, lacks] = patch === '' ? ['patchType', 'patch'] : ['patch', 'patchType']
  throw new Error(`webhook returned response.${has} but not response.${lacks}`)
}

/** A refusal in the webhook's own words and with its code, which is at least 400. */
export function refusal(hook: Hook, status: AdmissionResponse['status']): StatusError {
  const { message, reason, code = 0, details } = status ?? {}
  const text = [message, reason].find((part) => part !== undefined && part !== '')
  const subject = `admission webhook ${JSON.stringify(hook.name)} denied the request`
  return new StatusError(
    (reason ?? '') as StatusReason,
    text === undefined ? `${subject} without explanation` : `${subject}: ${text}`,
    details ?? {},
    {
      code: Math.max(code, 400),
    },
  )
}
