import { certificateSigningRequests } from '../../api/kinds.ts'
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts'
import { humanDuration } from '../../meta/duration.ts'
import { defineResource } from './define.ts'
import type { ResourceDef } from './resource-def.ts'
import { NONE } from './table/cells.ts'
import { column, created, name, table } from './table/table.ts'

function condition({ status }: CertificateSigningRequest): string {
  const has = (type: string): boolean => status.conditions?.some((c) => c.type === type) === true
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'
  return decision + (has('Failed') ? ',Failed' : '') + ((status.certificate ?? '') === '' ? '' : ',Issued')
}

export const certificateSigningRequestDef: ResourceDef<CertificateSigningRequest> = defineResource(certificateSigningRequests, {
  // Any name that can stand in a URL: the kubelet derives its from a hash.
  nameProblem: () => undefined,
  strategy: { status: 'controlled' },
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
