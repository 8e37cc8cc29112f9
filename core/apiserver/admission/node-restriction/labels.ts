/** Labels of the kubernetes.io and k8s.io domains that a kubelet may set on its node. Source: kubernetes, k8s.io/kubelet/pkg/apis. */
const KUBELET_LABELS: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
])
const KUBELET_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io']
const RESTRICTED_DOMAINS = ['node-restriction.kubernetes.io']
const KUBERNETES_DOMAINS = ['kubernetes.io', 'k8s.io']

type Labels = Readonly<Record<string, string>> | undefined

/** Labels that differ and that a node may not touch, since workloads are steered by them. Sorted. */
export function forbiddenLabels(next: Labels, old: Labels): readonly string[] {
  const keys = new Set([...Object.keys(next ?? {}), ...Object.keys(old ?? {})])
  return [...keys].filter((key) => next?.[key] !== old?.[key] && isForbidden(key)).sort()
}

function isForbidden(label: string): boolean {
  const slash = label.indexOf('/')
  const domain = slash < 0 ? '' : label.slice(0, slash)
  if (isWithin(domain, RESTRICTED_DOMAINS)) return true
  return isWithin(domain, KUBERNETES_DOMAINS) && !KUBELET_LABELS.has(label) && !isWithin(domain, KUBELET_DOMAINS)
}

function isWithin(domain: string, parents: readonly string[]): boolean {
  return parents.some((parent) => domain === parent || domain.endsWith(`.${parent}`))
}
