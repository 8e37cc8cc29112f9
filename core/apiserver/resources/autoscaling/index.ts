import { horizontalPodAutoscalers, horizontalPodAutoscalersV1 } from '../../../api/kinds.ts'
import type * as v1 from '../../../api/types/autoscaling-v1.ts'
import type * as v2 from '../../../api/types/autoscaling-v2.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import type { Table } from '../table/table.ts'
import { autoscalerConversion } from './conversion.ts'
import { defaultAutoscaler } from './defaults.ts'
import { autoscalerTable } from './table.ts'
import { validateAutoscaler, validateAutoscalerStatus } from './validate.ts'

export const autoscalerDef: ResourceDef<v2.HorizontalPodAutoscaler> = defineResource(horizontalPodAutoscalers, {
  applyDefaults: defaultAutoscaler,
  validate: validateAutoscaler,
  subresources: { status: statusSubresource({ validate: validateAutoscalerStatus }) },
  strategy: { status: 'controlled' },
  table: autoscalerTable,
})

/** The rows of v1 are those of its stored form. */
const tableV1: Table<v1.HorizontalPodAutoscaler> = {
  columns: autoscalerTable.columns,
  toRow: (object, nowMs) => autoscalerTable.toRow(autoscalerConversion.toHub(object) as v2.HorizontalPodAutoscaler, nowMs),
}

export const autoscalerV1Def: ResourceDef<v1.HorizontalPodAutoscaler> = defineResource(horizontalPodAutoscalersV1, {
  applyDefaults: ({ spec }) => {
    spec.minReplicas ??= 1
  },
  strategy: { status: 'controlled' },
  conversion: autoscalerConversion,
  validate: (object) => validateAutoscaler(autoscalerConversion.toHub(object) as v2.HorizontalPodAutoscaler),
  table: tableV1,
})
