import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from '../../../api/kinds.ts'
import type { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '../../../api/types/admissionregistration-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { column, created, INTEGER, name, table } from '../table/table.ts'

const webhookTable = table<MutatingWebhookConfiguration | ValidatingWebhookConfiguration>(
  name,
  column('Webhooks', ({ webhooks }) => webhooks?.length ?? 0, INTEGER),
  created,
)

export const mutatingWebhookConfigurationDef: ResourceDef<MutatingWebhookConfiguration> = defineResource(mutatingWebhookConfigurations, {
  allowUnconditionalUpdate: false,
  strategy: { generation: ['webhooks'] },
  table: webhookTable,
})

export const validatingWebhookConfigurationDef: ResourceDef<ValidatingWebhookConfiguration> = defineResource(
  validatingWebhookConfigurations,
  { allowUnconditionalUpdate: false, strategy: { generation: ['webhooks'] }, table: webhookTable },
)
