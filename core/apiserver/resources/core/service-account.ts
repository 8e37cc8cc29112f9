import { serviceAccounts } from '../../../api/kinds.ts'
import type { ServiceAccount } from '../../../api/types/core-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { created, name, table } from '../table/table.ts'

export const serviceAccountDef: ResourceDef<ServiceAccount> = defineResource(serviceAccounts, {
  table: table<ServiceAccount>(name, created),
})
