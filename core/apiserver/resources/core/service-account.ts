import { serviceAccounts } from '../../../api/kinds.ts'
import type { ServiceAccount } from '../../../api/types/core-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef, Work } from '../resource-def.ts'
import { created, name, table } from '../table/table.ts'

/** Only the name of a referenced secret means anything. */
function trimSecrets(account: Work<ServiceAccount>): void {
  if (account.secrets !== undefined)
    account.secrets = account.secrets.map((secret) => (secret.name === undefined ? {} : { name: secret.name }))
}

export const serviceAccountDef: ResourceDef<ServiceAccount> = defineResource(serviceAccounts, {
  strategy: {
    create: (account) => {
      trimSecrets(account)
    },
    update: (next) => {
      trimSecrets(next)
    },
  },
  table: table<ServiceAccount>(name, created),
})
