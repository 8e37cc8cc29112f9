import { runtimeClasses } from '../../api/kinds.ts'
import type { RuntimeClass } from '../../api/types/node-v1.ts'
import { defineResource } from './define.ts'
import type { ResourceDef } from './resource-def.ts'
import { validateRuntimeClass } from './small-kinds-validation.ts'
import { column, created, name, table } from './table/table.ts'

export const runtimeClassDef: ResourceDef<RuntimeClass> = defineResource(runtimeClasses, {
  validate: validateRuntimeClass,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  table: table<RuntimeClass>(
    name,
    column('Handler', ({ handler }) => handler),
    created,
  ),
})
