import { bindings, componentStatuses } from '../../../api/kinds.ts'
import type { Binding, ComponentStatus } from '../../../api/types/core-v1.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { column, name, table } from '../table/table.ts'

/** Never stored: a create binds a pod. */
export const bindingDef: ResourceDef<Binding> = defineResource(bindings)

const healthy = ({ conditions }: ComponentStatus): NonNullable<ComponentStatus['conditions']>[number] | undefined =>
  conditions?.find((condition) => condition.type === 'Healthy')

/** Never stored: computed at each read. */
export const componentStatusDef: ResourceDef<ComponentStatus> = defineResource(componentStatuses, {
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  table: table<ComponentStatus>(
    name,
    column('Status', (status) => {
      const condition = healthy(status)
      if (condition === undefined) return 'Unknown'
      return condition.status === 'True' ? 'Healthy' : 'Unhealthy'
    }),
    column('Message', (status) => healthy(status)?.message ?? ''),
    column('Error', (status) => healthy(status)?.error ?? ''),
  ),
})
