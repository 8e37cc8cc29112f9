import { priorityClasses } from '../../api/kinds.ts'
import type { PriorityClass } from '../../api/types/scheduling-v1.ts'
import { defineResource } from './define.ts'
import type { ResourceDef } from './resource-def.ts'
import { validatePriorityClass } from './small-kinds-validation.ts'
import { column, created, INTEGER, name, table } from './table/table.ts'

export const priorityClassDef: ResourceDef<PriorityClass> = defineResource(priorityClasses, {
  validate: validatePriorityClass,
  applyDefaults: (priorityClass) => {
    priorityClass.preemptionPolicy ??= 'PreemptLowerPriority'
  },
  strategy: { generation: [] },
  table: table<PriorityClass>(
    name,
    column('Value', ({ value }) => value, INTEGER),
    column('Global-Default', ({ globalDefault }) => globalDefault ?? false, { type: 'boolean' }),
    created,
    column('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
  ),
})
