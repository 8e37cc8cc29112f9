import { leases } from '../../api/kinds.ts'
import type { Lease } from '../../api/types/coordination-v1.ts'
import { defineResource } from './define.ts'
import type { ResourceDef } from './resource-def.ts'
import { validateLease } from './small-kinds-validation.ts'
import { column, created, name, table } from './table/table.ts'

export const leaseDef: ResourceDef<Lease> = defineResource(leases, {
  validate: validateLease,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  table: table<Lease>(
    name,
    column('Holder', ({ spec }) => spec.holderIdentity ?? ''),
    created,
  ),
})
