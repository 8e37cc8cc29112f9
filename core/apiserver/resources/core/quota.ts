import { randomUUID } from 'node:crypto'
import { limitRanges, resourceQuotas } from '../../../api/kinds.ts'
import type { LimitRange, ResourceQuota } from '../../../api/types/core-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { column, created, name, table } from '../table/table.ts'
import { defaultLimitRange, defaultResourceQuota } from './defaults.ts'
import { validateLimitRange, validateResourceQuota, validateResourceQuotaStatus } from './quota-validation.ts'

/** `resource: used/hard` of the resources that are (or are not) limits. */
function usage({ status }: ResourceQuota, limits: boolean): string {
  const names = Object.keys(status.hard ?? {}).filter((resource) => resource.startsWith('limits.') === limits)
  return names
    .sort()
    .map((resource) => `${resource}: ${status.used?.[resource] ?? '0'}/${status.hard?.[resource] ?? '0'}`)
    .join(', ')
}

export const resourceQuotaDef: ResourceDef<ResourceQuota> = defineResource(resourceQuotas, {
  applyDefaults: defaultResourceQuota,
  validate: validateResourceQuota,
  subresources: { status: statusSubresource({ validate: validateResourceQuotaStatus }) },
  strategy: { status: 'controlled' },
  table: table<ResourceQuota>(
    name,
    column('Request', (quota) => usage(quota, false)),
    column('Limit', (quota) => usage(quota, true)),
    created,
  ),
})

export const limitRangeDef: ResourceDef<LimitRange> = defineResource(limitRanges, {
  applyDefaults: defaultLimitRange,
  validate: validateLimitRange,
  strategy: {
    create: ({ metadata }) => {
      metadata.name ||= randomUUID()
    },
  },
  allowCreateOnUpdate: true,
})
