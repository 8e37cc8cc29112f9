import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from '../../../api/kinds.ts'
import type { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '../../../api/types/admissionregistration-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { column, created, INTEGER, name, table } from '../table/table.ts'
import { defaultWebhook } from './defaults.ts'
import { validateWebhooks } from './validate-webhooks.ts'

const webhookTable = table<MutatingWebhookConfiguration | ValidatingWebhookConfiguration>(
  name,
  column('Webhooks', ({ webhooks }) => webhooks?.length ?? 0, INTEGER),
  created,
)

export const mutatingWebhookConfigurationDef: ResourceDef<MutatingWebhookConfiguration> = defineResource(mutatingWebhookConfigurations, {
  validate: validateWebhooks,
  applyDefaults: ({ webhooks }) => {
    for (const webhook of webhooks ?? []) {
      defaultWebhook(webhook)
      webhook.reinvocationPolicy ??= 'Never'
    }
  },
  allowUnconditionalUpdate: false,
  strategy: { generation: ['webhooks'] },
  table: webhookTable,
})

export const validatingWebhookConfigurationDef: ResourceDef<ValidatingWebhookConfiguration> = defineResource(
  validatingWebhookConfigurations,
  {
    validate: validateWebhooks,
    applyDefaults: ({ webhooks }) => {
      for (const webhook of webhooks ?? []) defaultWebhook(webhook)
    },
    allowUnconditionalUpdate: false,
    strategy: { generation: ['webhooks'] },
    table: webhookTable,
  },
)
