import { networkPolicies } from '../../../api/kinds.ts'
import type { NetworkPolicy } from '../../../api/types/networking-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { selectorText } from '../table/cells.ts'
import { column, created, name, table } from '../table/table.ts'
import { validateNetworkPolicy } from './validate.ts'

export const networkPolicyDef: ResourceDef<NetworkPolicy> = defineResource(networkPolicies, {
  validate: validateNetworkPolicy,
  applyDefaults: ({ spec }) => {
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= 'TCP'
    if ((spec.policyTypes?.length ?? 0) === 0) spec.policyTypes = (spec.egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress']
  },
  strategy: { generation: ['spec'] },
  table: table<NetworkPolicy>(
    name,
    column('Pod-Selector', ({ spec }) => selectorText(spec.podSelector)),
    created,
  ),
})
