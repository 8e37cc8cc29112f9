import { replicaSets } from '../../../api/kinds.ts'
import type { ReplicaSet } from '../../../api/types/apps-v1.ts'
import { defineResource } from '../define.ts'
import { templateWarnings } from '../pod/warnings.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { containerImages, containerNames, selectorText } from '../table/cells.ts'
import { column, created, INTEGER, name, table, wide } from '../table/table.ts'
import { defaultReplicaSet } from './defaults.ts'
import { validateReplicaSet, validateReplicaSetStatus } from './validate.ts'

export const replicaSetDef: ResourceDef<ReplicaSet> = defineResource(replicaSets, {
  applyDefaults: defaultReplicaSet,
  validate: validateReplicaSet,
  warnings: templateWarnings(({ spec }) => spec.template, 'spec.template'),
  subresources: { status: statusSubresource({ validate: validateReplicaSetStatus }) },
  strategy: { status: 'controlled', generation: ['spec'] },
  table: table<ReplicaSet>(
    name,
    column('Desired', ({ spec }) => spec.replicas ?? 0, INTEGER),
    column('Current', ({ status }) => status.replicas, INTEGER),
    column('Ready', ({ status }) => status.readyReplicas ?? 0, INTEGER),
    created,
    wide('Containers', ({ spec }) => containerNames(spec.template.spec.containers)),
    wide('Images', ({ spec }) => containerImages(spec.template.spec.containers)),
    wide('Selector', ({ spec }) => selectorText(spec.selector)),
  ),
})
