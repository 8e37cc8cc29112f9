import { namespaces } from '../../../api/kinds.ts'
import type { Namespace } from '../../../api/types/core-v1.ts'
import { dns1123LabelProblems } from '../../../meta/names.ts'
import { defineResource, nameRule } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { column, created, name, table } from '../table/table.ts'

export const namespaceDef: ResourceDef<Namespace> = defineResource(namespaces, {
  nameProblem: nameRule(dns1123LabelProblems),
  table: table<Namespace>(
    name,
    column('Status', ({ status }) => status.phase ?? ''),
    created,
  ),
  fields: ({ status }) => ({ 'status.phase': status.phase ?? '' }),
  subresources: {
    finalize: {
      type: 'object',
      verbs: ['update'],
      prepareUpdate(next, old) {
        next.status = old.status as typeof next.status
      },
    },
  },
})
