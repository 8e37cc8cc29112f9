import { csiDrivers, csiNodes, csiStorageCapacities } from '../../../api/kinds.ts'
import type { CSIDriver, CSINode, CSIStorageCapacity } from '../../../api/types/storage-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { joined, UNSET } from '../table/cells.ts'
import { column, created, INTEGER, name, table } from '../table/table.ts'
import { driverNameProblem, validateCsiDriver, validateCsiNode, validateCsiStorageCapacity } from './validate-csi.ts'

const BOOLEAN = { type: 'boolean' } as const

export const csiDriverDef: ResourceDef<CSIDriver> = defineResource(csiDrivers, {
  nameProblem: driverNameProblem,
  validate: validateCsiDriver,
  applyDefaults: ({ spec }) => {
    spec.attachRequired ??= true
    spec.podInfoOnMount ??= false
    spec.storageCapacity ??= false
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType'
    if ((spec.volumeLifecycleModes?.length ?? 0) === 0) spec.volumeLifecycleModes = ['Persistent']
    spec.requiresRepublish ??= false
    spec.seLinuxMount ??= false
  },
  allowUnconditionalUpdate: false,
  table: table<CSIDriver>(
    name,
    column('AttachRequired', ({ spec }) => spec.attachRequired ?? true, BOOLEAN),
    column('PodInfoOnMount', ({ spec }) => spec.podInfoOnMount ?? false, BOOLEAN),
    column('StorageCapacity', ({ spec }) => spec.storageCapacity ?? false, BOOLEAN),
    column('TokenRequests', ({ spec }) => spec.tokenRequests?.map((request) => request.audience).join(',') ?? UNSET),
    column('RequiresRepublish', ({ spec }) => spec.requiresRepublish ?? false, BOOLEAN),
    column('Modes', ({ spec }) => joined(spec.volumeLifecycleModes)),
    created,
  ),
})

export const csiNodeDef: ResourceDef<CSINode> = defineResource(csiNodes, {
  validate: validateCsiNode,
  allowUnconditionalUpdate: false,
  table: table<CSINode>(
    name,
    column('Drivers', ({ spec }) => spec.drivers.length, INTEGER),
    created,
  ),
})

export const csiStorageCapacityDef: ResourceDef<CSIStorageCapacity> = defineResource(csiStorageCapacities, {
  validate: validateCsiStorageCapacity,
  allowUnconditionalUpdate: false,
})
