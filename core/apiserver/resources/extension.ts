import { apiServices, customResourceDefinitions } from '../../api/kinds.ts'
import type { CustomResourceDefinition } from '../../api/types/apiextensions-v1.ts'
import type { APIService } from '../../api/types/apiregistration-v1.ts'
import { apiServiceErrors } from '../extension/aggregation/validate.ts'
import { defineResource, type ResourceSpec } from './define.ts'
import type { ResourceDef, Work } from './resource-def.ts'
import { statusSubresource } from './strategy.ts'
import { conditionOf } from './table/cells.ts'
import { column, created, name, table } from './table/table.ts'

function availability({ status }: APIService): string {
  const condition = conditionOf(status.conditions, 'Available')
  if (condition === undefined) return 'Unknown'
  if (condition.status === 'True' || (condition.reason ?? '') === '') return condition.status
  return `${condition.status} (${condition.reason ?? ''})`
}

export const apiServiceDef: ResourceDef<APIService> = defineResource(apiServices, {
  // The name is checked against the spec: `version.group`.
  nameProblem: () => undefined,
  applyDefaults: ({ spec }) => {
    if (spec.service !== undefined) spec.service.port ??= 443
  },
  validate: apiServiceErrors,
  strategy: { status: 'controlled' },
  subresources: { status: statusSubresource({ keepMetadata: true }) },
  table: table<APIService>(
    name,
    column('Service', ({ spec }) => (spec.service === undefined ? 'Local' : `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}`)),
    column('Available', availability),
    created,
  ),
})

/** Hooks of CustomResourceDefinitions, which live with the machinery that serves custom kinds. */
export interface CustomResourceDefinitionHooks
  extends Pick<ResourceSpec<CustomResourceDefinition>, 'applyDefaults' | 'validate' | 'warnings' | 'extraFinalizers' | 'markDeleting'> {
  /** After the stored status was put back. */
  readonly beforeUpdate?: (next: Work<CustomResourceDefinition>) => void
}

/** The definition of CustomResourceDefinition around the hooks that understand schemas. */
export function customResourceDefinitionDef(hooks: CustomResourceDefinitionHooks = {}): ResourceDef<CustomResourceDefinition> {
  const { beforeUpdate, ...spec } = hooks
  return defineResource(customResourceDefinitions, {
    nameProblem: () => undefined,
    allowUnconditionalUpdate: false,
    strategy: { status: 'controlled', generation: ['spec'], ...(beforeUpdate !== undefined && { update: beforeUpdate }) },
    subresources: { status: statusSubresource({ keepMetadata: true }) },
    ...spec,
  })
}
