import { statefulSets } from '../../../api/kinds.ts'
import type { StatefulSet } from '../../../api/types/apps-v1.ts'
import { dns1123LabelProblems } from '../../../meta/names.ts'
import { defineResource, nameRule } from '../define.ts'
import { templateWarnings } from '../pod/warnings.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { containerImages, containerNames } from '../table/cells.ts'
import { column, created, name, table, wide } from '../table/table.ts'
import { defaultStatefulSet } from './defaults.ts'
import { validateStatefulSet, validateStatefulSetStatus } from './validate-sets.ts'

export const statefulSetDef: ResourceDef<StatefulSet> = defineResource(statefulSets, {
  nameProblem: nameRule(dns1123LabelProblems),
  applyDefaults: defaultStatefulSet,
  validate: validateStatefulSet,
  warnings: templateWarnings(({ spec }) => spec.template, 'spec.template'),
  subresources: { status: statusSubresource({ validate: validateStatefulSetStatus }) },
  strategy: { status: 'controlled', generation: ['spec'] },
  table: table<StatefulSet>(
    name,
    column('Ready', ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas ?? 0}`),
    created,
    wide('Containers', ({ spec }) => containerNames(spec.template.spec.containers)),
    wide('Images', ({ spec }) => containerImages(spec.template.spec.containers)),
  ),
})
