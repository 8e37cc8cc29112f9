import { certificateSigningRequests } from '../../api/kinds.ts'
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts'
import { humanDuration } from '../../meta/duration.ts'
import { toTimestamp } from '../../meta/time.ts'
import type { UserInfo } from '../auth/auth.ts'
import { validateApproval, validateSigningRequest, validateSigningStatus } from './certificates-validation.ts'
import { defineResource } from './define.ts'
import type { ResourceDef, Work } from './resource-def.ts'
import { keepStored, statusSubresource } from './strategy.ts'
import { NONE } from './table/cells.ts'
import { column, created, name, table } from './table/table.ts'

function condition({ status }: CertificateSigningRequest): string {
  const has = (type: string): boolean => status.conditions?.some((c) => c.type === type) === true
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'
  return decision + (has('Failed') ? ',Failed' : '') + ((status.certificate ?? '') === '' ? '' : ',Issued')
}

const CHANGED_BY_APPROVAL = new Set(['apiVersion', 'kind', 'metadata'])

/** Who asks decides what a signer may grant: taken from the request's credentials, never from its body. */
function recordRequester({ spec }: Work<CertificateSigningRequest>, user: UserInfo): void {
  spec.username = user.name
  spec.uid = user.uid
  spec.groups = [...user.groups]
  spec.extra = user.extra === undefined ? undefined : (structuredClone(user.extra) as NonNullable<typeof spec.extra>)
}

const isDecision = ({ type }: { readonly type: string }): boolean => type === 'Approved' || type === 'Denied'

/** Approving and denying is what the approval subresource is for; a status update can do neither. */
function keepDecisions({ status }: Work<CertificateSigningRequest>, old: CertificateSigningRequest): void {
  const decisions = old.status.conditions?.filter(isDecision).map((condition) => ({ ...condition })) ?? []
  const others = status.conditions?.filter((condition) => !isDecision(condition)) ?? []
  status.conditions = [...decisions, ...others]
}

function stampConditions({ status }: Work<CertificateSigningRequest>, old: CertificateSigningRequest, nowMs: number): void {
  for (const condition of status.conditions ?? []) {
    const before = old.status.conditions?.find((c) => c.type === condition.type)
    condition.lastUpdateTime ??= toTimestamp(nowMs)
    condition.lastTransitionTime ??= before?.status === condition.status ? before.lastTransitionTime : toTimestamp(nowMs)
  }
}

export const certificateSigningRequestDef: ResourceDef<CertificateSigningRequest> = defineResource(certificateSigningRequests, {
  // Any name that can stand in a URL: the kubelet derives its from a hash.
  nameProblem: () => undefined,
  validate: validateSigningRequest,
  strategy: {
    status: 'controlled',
    create: (request, { user }) => {
      recordRequester(request, user)
    },
    update: (next, old) => {
      next.spec = structuredClone(old.spec) as typeof next.spec
    },
  },
  subresources: {
    status: statusSubresource({
      validate: validateSigningStatus,
      prepare: (next, old, { nowMs }) => {
        keepDecisions(next, old)
        stampConditions(next, old, nowMs)
      },
    }),
    approval: {
      type: 'object',
      verbs: ['get', 'patch', 'update'],
      validate: validateApproval,
      prepareUpdate: (next, old, { nowMs }) => {
        const sent = next.status.conditions
        keepStored(next, old, CHANGED_BY_APPROVAL)
        next.status = { ...old.status, conditions: sent }
        stampConditions(next, old, nowMs)
      },
    },
  },
  table: table<CertificateSigningRequest>(
    name,
    created,
    column('SignerName', ({ spec }) => spec.signerName || NONE),
    column('Requestor', ({ spec }) => spec.username ?? ''),
    column('RequestedDuration', ({ spec }) =>
      spec.expirationSeconds === undefined ? NONE : humanDuration(spec.expirationSeconds * 1_000),
    ),
    column('Condition', condition),
  ),
  fields: ({ spec }) => ({ 'spec.signerName': spec.signerName }),
})
