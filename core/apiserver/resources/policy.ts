import { podDisruptionBudgets } from '../../api/kinds.ts'
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts'
import { defineResource } from './define.ts'
import type { ResourceDef } from './resource-def.ts'
import { validatePodDisruptionBudget, validatePodDisruptionBudgetStatus } from './small-kinds-validation.ts'
import { statusSubresource } from './strategy.ts'
import { column, created, INTEGER, name, table } from './table/table.ts'

const orNotApplicable = (value: number | string | undefined): string => (value === undefined ? 'N/A' : String(value))

export const podDisruptionBudgetDef: ResourceDef<PodDisruptionBudget> = defineResource(podDisruptionBudgets, {
  validate: validatePodDisruptionBudget,
  subresources: { status: statusSubresource({ validate: validatePodDisruptionBudgetStatus }) },
  allowUnconditionalUpdate: false,
  strategy: { status: 'controlled', generation: ['spec'] },
  table: table<PodDisruptionBudget>(
    name,
    column('Min Available', ({ spec }) => orNotApplicable(spec.minAvailable)),
    column('Max Unavailable', ({ spec }) => orNotApplicable(spec.maxUnavailable)),
    column('Allowed Disruptions', ({ status }) => status.disruptionsAllowed, INTEGER),
    created,
  ),
})
