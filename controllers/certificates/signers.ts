import type { RequestFacts } from '../runtime/context.ts'

/**
 * What each of the cluster's own signers accepts. Source: Kubernetes documentation, "Certificates and Certificate
 * Signing Requests", Kubernetes signers.
 */
export const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet'
const KUBELET_SERVING = 'kubernetes.io/kubelet-serving'
const API_CLIENT = 'kubernetes.io/kube-apiserver-client'
const LEGACY = 'kubernetes.io/legacy-unknown'

export const SIGNERS: ReadonlySet<string> = new Set([API_CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY])

const BASE_USAGES = ['key encipherment', 'digital signature']

/** Undefined when the signer takes the request. */
export function requestProblem(signerName: string, facts: RequestFacts, usages: readonly string[]): string | undefined {
  switch (signerName) {
    case KUBELET_CLIENT:
      return nodeProblem(facts) ?? namesProblem(facts) ?? usagesProblem(usages, 'client auth')
    case KUBELET_SERVING:
      return nodeProblem(facts) ?? servingNamesProblem(facts) ?? usagesProblem(usages, 'server auth')
    case API_CLIENT:
      return usages.every((usage) => usage === 'client auth' || BASE_USAGES.includes(usage)) && usages.includes('client auth')
        ? undefined
        : 'invalid usage for client certificate'
    default:
      return undefined
  }
}

/** Whether the request has exactly the form of a kubelet's client certificate. */
export function isKubeletClient(facts: RequestFacts, usages: readonly string[]): boolean {
  return requestProblem(KUBELET_CLIENT, facts, usages) === undefined
}

function nodeProblem({ organizations, commonName }: RequestFacts): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== 'system:nodes') return 'subject organization is not system:nodes'
  return commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node: '
}

function namesProblem({ dnsNames, ipAddresses, emailAddresses, uris }: RequestFacts): string | undefined {
  if (dnsNames.length > 0) return 'DNS subjectAltNames are not allowed'
  if (emailAddresses.length > 0) return 'Email subjectAltNames are not allowed'
  if (ipAddresses.length > 0) return 'IP subjectAltNames are not allowed'
  return uris.length > 0 ? 'URI subjectAltNames are not allowed' : undefined
}

function servingNamesProblem({ dnsNames, ipAddresses, emailAddresses, uris }: RequestFacts): string | undefined {
  if (dnsNames.length === 0 && ipAddresses.length === 0) return 'DNS or IP subjectAltName is required'
  if (emailAddresses.length > 0) return 'Email subjectAltNames are not allowed'
  return uris.length > 0 ? 'URI subjectAltNames are not allowed' : undefined
}

/** Exactly the purpose and signatures; keys of elliptic curves need no encipherment. */
function usagesProblem(usages: readonly string[], purpose: string): string | undefined {
  const given = new Set(usages)
  const allowed = new Set([...BASE_USAGES, purpose])
  const fits = given.has(purpose) && given.has('digital signature') && [...given].every((usage) => allowed.has(usage))
  return fits ? undefined : `usages did not match ${['digital signature', 'key encipherment', purpose].join(',')}`
}
