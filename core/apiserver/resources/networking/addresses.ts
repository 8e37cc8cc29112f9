import { ipAddresses, serviceCIDRs } from '../../../api/kinds.ts'
import type { IPAddress, ServiceCIDR } from '../../../api/types/networking-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { NONE } from '../table/cells.ts'
import { column, created, name, table } from '../table/table.ts'
import { addressNameProblem, validateIpAddress, validateServiceCidr } from './validate-addresses.ts'

function parent({ spec }: IPAddress): string {
  const ref = spec.parentRef
  if (ref === undefined) return NONE
  const resource = [ref.resource ?? '', ref.group ?? ''].filter((part) => part !== '').join('.')
  return [resource.toLowerCase(), ref.namespace ?? '', ref.name ?? ''].filter((part) => part !== '').join('/')
}

export const ipAddressDef: ResourceDef<IPAddress> = defineResource(ipAddresses, {
  nameProblem: addressNameProblem,
  validate: validateIpAddress,
  table: table<IPAddress>(name, column('ParentRef', parent)),
})

export const serviceCidrDef: ResourceDef<ServiceCIDR> = defineResource(serviceCIDRs, {
  validate: validateServiceCidr,
  strategy: { status: 'controlled' },
  table: table<ServiceCIDR>(
    name,
    column('CIDRs', ({ spec }) => (spec.cidrs ?? []).join(',')),
    created,
  ),
})
