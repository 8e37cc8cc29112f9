import { controllerRevisions } from '../../../api/kinds.ts'
import type { ControllerRevision } from '../../../api/types/apps-v1.ts'
import { controllerOf } from '../../../meta/owner.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { kindWithGroup, NONE } from '../table/cells.ts'
import { column, created, name, table } from '../table/table.ts'
import { validateControllerRevision } from './validate.ts'

function controller(revision: ControllerRevision): string {
  const owner = controllerOf(revision)
  return owner === undefined ? NONE : `${kindWithGroup(owner.kind, owner.apiVersion)}/${owner.name}`
}

export const controllerRevisionDef: ResourceDef<ControllerRevision> = defineResource(controllerRevisions, {
  validate: validateControllerRevision,
  table: table<ControllerRevision>(
    name,
    column('Controller', controller),
    column('Revision', ({ revision }) => revision),
    created,
  ),
})
