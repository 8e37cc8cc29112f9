import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import { parseCertificateRequest } from '../../pki/csr.ts'
import type { Authorizer } from '../auth/auth.ts'
import { GROUPS } from '../auth/users.ts'
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts'
import { denied } from './denied.ts'
import { isCreateOf, isUpdateOf, isWriteOf } from './target.ts'

const GROUP = 'certificates.k8s.io'
const REQUESTS = { group: GROUP, resource: 'certificatesigningrequests' }
const BUNDLES = { group: GROUP, resource: 'clustertrustbundles' }
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client'

interface Deps {
  readonly authorizer: Authorizer
}

/** Approving needs the right to approve for that signer. Source: kubernetes, plugin/pkg/admission/certificates. */
export function certificateApproval({ authorizer }: Deps): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    handles: (attributes) => isUpdateOf(attributes, REQUESTS, 'approval'),
    validate: (attributes) => {
      const { signerName } = (attributes.oldObject as CertificateSigningRequest).spec
      if (mayUse(authorizer, attributes, 'approve', signerName)) return
      throw denied(attributes, `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`)
    },
  }
}

/** Writing the certificate, or that making it failed, needs the right to sign for that signer. */
export function certificateSigning({ authorizer }: Deps): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    handles: (attributes) => isUpdateOf(attributes, REQUESTS, 'status'),
    validate: (attributes) => {
      const old = attributes.oldObject as CertificateSigningRequest
      const next = attributes.object as CertificateSigningRequest
      if (old.status.certificate === next.status.certificate && deepEqual(old.status.conditions ?? [], next.status.conditions ?? [])) return
      const { signerName } = old.spec
      if (mayUse(authorizer, attributes, 'sign', signerName)) return
      throw denied(attributes, `user not permitted to sign requests with signerName ${JSON.stringify(signerName)}`)
    },
  }
}

/** Nobody becomes a master by a certificate request. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  handles: (attributes) => isCreateOf(attributes, REQUESTS),
  validate: (attributes) => {
    const { signerName, request } = (attributes.object as CertificateSigningRequest).spec
    if (signerName !== CLIENT_SIGNER) return
    if (organizationsOf(attributes, request).includes(GROUPS.masters)) {
      throw denied(attributes, `use of ${CLIENT_SIGNER} signer with ${GROUPS.masters} group is not allowed`)
    }
  },
}

/** A trust bundle of a signer needs the right to attest for it. */
export function clusterTrustBundleAttest({ authorizer }: Deps): AdmissionPlugin {
  return {
    name: 'ClusterTrustBundleAttest',
    handles: (attributes) => isWriteOf(attributes, BUNDLES),
    validate: (attributes) => {
      const signer = (attributes.object as unknown as { readonly spec?: { readonly signerName?: string } }).spec?.signerName ?? ''
      if (signer === '' || mayUse(authorizer, attributes, 'attest', signer)) return
      throw denied(attributes, `user not permitted to attest for signerName ${JSON.stringify(signer)}`)
    },
  }
}

function organizationsOf(attributes: AdmissionAttributes, base64: string): readonly string[] {
  try {
    return parseCertificateRequest(Buffer.from(base64, 'base64').toString()).subject.organizations
  } catch (err) {
    throw denied(attributes, `unable to parse csr: ${(err as Error).message}`)
  }
}

/** On the signer itself or on all of its domain. */
function mayUse(authorizer: Authorizer, { user }: AdmissionAttributes, verb: string, signerName: string): boolean {
  const domain = signerName.slice(0, Math.max(0, signerName.indexOf('/')))
  return [signerName, `${domain}/*`].some(
    (name) =>
      authorizer.authorize({
        kind: 'resource',
        user,
        verb,
        group: GROUP,
        version: '*',
        resource: 'signers',
        subresource: '',
        namespace: '',
        name,
      }).allowed,
  )
}
