import { daemonSets } from '../../../api/kinds.ts'
import type { DaemonSet } from '../../../api/types/apps-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { containerImages, containerNames, labels, selectorText } from '../table/cells.ts'
import { column, created, INTEGER, name, table, wide } from '../table/table.ts'

export const daemonSetDef: ResourceDef<DaemonSet> = defineResource(daemonSets, {
  strategy: { status: 'controlled', generation: ['spec'] },
  table: table<DaemonSet>(
    name,
    column('Desired', ({ status }) => status.desiredNumberScheduled, INTEGER),
    column('Current', ({ status }) => status.currentNumberScheduled, INTEGER),
    column('Ready', ({ status }) => status.numberReady, INTEGER),
    column('Up-to-date', ({ status }) => status.updatedNumberScheduled ?? 0, INTEGER),
    column('Available', ({ status }) => status.numberAvailable ?? 0, INTEGER),
    column('Node Selector', ({ spec }) => labels(spec.template.spec.nodeSelector)),
    created,
    wide('Containers', ({ spec }) => containerNames(spec.template.spec.containers)),
    wide('Images', ({ spec }) => containerImages(spec.template.spec.containers)),
    wide('Selector', ({ spec }) => selectorText(spec.selector)),
  ),
})
