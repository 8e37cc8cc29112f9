import { ingressClasses, ingresses } from '../../../api/kinds.ts'
import type { Ingress, IngressClass } from '../../../api/types/networking-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { joined, loadBalancerAddresses, NONE } from '../table/cells.ts'
import { column, created, name, table } from '../table/table.ts'
import { ingressWarnings } from '../warnings.ts'
import { validateIngress, validateIngressClass, validateIngressStatus } from './validate.ts'

const MAX_HOSTS = 3

/** The first three hosts. Rules without a host count in `more`, since the walk stops at the first rule past three hosts. */
function hosts({ spec }: Ingress): string {
  const rules = spec.rules ?? []
  const shown: string[] = []
  for (const { host } of rules) {
    if (shown.length === MAX_HOSTS) return `${shown.join(',')} + ${rules.length - MAX_HOSTS} more...`
    if ((host ?? '') !== '') shown.push(host ?? '')
  }
  return joined(shown, '*')
}

export const ingressDef: ResourceDef<Ingress> = defineResource(ingresses, {
  validate: validateIngress,
  warnings: ingressWarnings,
  subresources: { status: statusSubresource({ validate: validateIngressStatus }) },
  strategy: { status: 'controlled', generation: ['spec'] },
  table: table<Ingress>(
    name,
    column('Class', ({ spec }) => spec.ingressClassName ?? NONE),
    column('Hosts', hosts),
    column('Address', ({ status }) => loadBalancerAddresses(status.loadBalancer.ingress)),
    column('Ports', ({ spec }) => ((spec.tls?.length ?? 0) > 0 ? '80, 443' : '80')),
    created,
  ),
})

function parameters({ spec }: IngressClass): string {
  const { parameters: ref } = spec
  if (ref === undefined) return NONE
  const group = ref.apiGroup === undefined ? '' : `.${ref.apiGroup}`
  return `${ref.kind}${group}/${ref.name}`
}

export const ingressClassDef: ResourceDef<IngressClass> = defineResource(ingressClasses, {
  validate: validateIngressClass,
  applyDefaults: ({ spec }) => {
    // A pointer in Go that is always written: decoding leaves an absent one null.
    if (spec.parameters !== undefined) (spec.parameters as { scope?: string }).scope ??= 'Cluster'
  },
  strategy: { generation: ['spec'] },
  table: table<IngressClass>(
    name,
    column('Controller', ({ spec }) => spec.controller ?? ''),
    column('Parameters', parameters),
    created,
  ),
})
