import { deviceClasses, resourceClaims, resourceClaimTemplates, resourceSlices } from '../../../api/kinds.ts'
import type { DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from '../../../api/types/resource-v1.ts'
import { toTimestamp } from '../../../meta/time.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef, Work } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { column, created, name, table } from '../table/table.ts'
import { defaultClaimDevices, defaultResourceClaim } from './defaults.ts'
import { validateDeviceClass, validateResourceClaim, validateResourceClaimStatus, validateResourceClaimTemplate } from './validate.ts'
import { validateResourceSlice } from './validate-slice.ts'

export const deviceClassDef: ResourceDef<DeviceClass> = defineResource(deviceClasses, {
  validate: validateDeviceClass,
  strategy: { generation: ['spec'] },
  table: table<DeviceClass>(name, created),
})

function claimState({ metadata, status }: ResourceClaim): string {
  const states: string[] = []
  if (metadata.deletionTimestamp !== undefined) states.push('deleted')
  if (status.allocation === undefined && states.length === 0) states.push('pending')
  if (status.allocation !== undefined) states.push('allocated')
  if (status.allocation !== undefined && (status.reservedFor?.length ?? 0) > 0) states.push('reserved')
  return states.join(',')
}

/** A driver's report about a device goes with the device. */
function dropFreedDevices({ status }: Work<ResourceClaim>): void {
  if (status.devices === undefined) return
  const held = new Set(status.allocation?.devices.results?.map(({ driver, pool, device }) => `${driver}/${pool}/${device}`))
  status.devices = status.devices.filter(({ driver, pool, device }) => held.has(`${driver}/${pool}/${device}`))
}

export const resourceClaimDef: ResourceDef<ResourceClaim> = defineResource(resourceClaims, {
  validate: validateResourceClaim,
  subresources: { status: statusSubresource({ prepare: dropFreedDevices, validate: validateResourceClaimStatus }) },
  applyDefaults: defaultResourceClaim,
  strategy: { status: 'controlled' },
  table: table<ResourceClaim>(name, column('State', claimState), created),
})

export const resourceClaimTemplateDef: ResourceDef<ResourceClaimTemplate> = defineResource(resourceClaimTemplates, {
  validate: validateResourceClaimTemplate,
  applyDefaults: ({ spec }) => {
    defaultClaimDevices(spec.spec.devices)
  },
  table: table<ResourceClaimTemplate>(name, created),
})

function stampTaints({ spec }: Work<ResourceSlice>, nowMs: number): void {
  for (const device of spec.devices ?? []) for (const taint of device.taints ?? []) taint.timeAdded ??= toTimestamp(nowMs)
}

export const resourceSliceDef: ResourceDef<ResourceSlice> = defineResource(resourceSlices, {
  validate: validateResourceSlice,
  strategy: {
    generation: ['spec'],
    create: (slice, { nowMs }) => {
      stampTaints(slice, nowMs)
    },
    update: (slice, _old, { nowMs }) => {
      stampTaints(slice, nowMs)
    },
  },
  table: table<ResourceSlice>(
    name,
    column('Node', ({ spec }) => spec.nodeName ?? ''),
    column('Driver', ({ spec }) => spec.driver),
    column('Pool', ({ spec }) => spec.pool.name),
    created,
  ),
  fields: ({ spec }) => ({ 'spec.nodeName': spec.nodeName ?? '', 'spec.driver': spec.driver }),
})
