import { flowSchemas, priorityLevelConfigurations } from '../../api/kinds.ts'
import type { FlowSchema, PriorityLevelConfiguration, QueuingConfiguration } from '../../api/types/flowcontrol-v1.ts'
import { defineResource } from './define.ts'
import type { ResourceDef } from './resource-def.ts'
import { statusSubresource } from './strategy.ts'
import { NONE } from './table/cells.ts'
import { column, created, name, table } from './table/table.ts'

export const flowSchemaDef: ResourceDef<FlowSchema> = defineResource(flowSchemas, {
  strategy: { status: 'controlled', generation: ['spec'] },
  subresources: { status: statusSubresource({ keepMetadata: true }) },
  table: table<FlowSchema>(
    name,
    column('PriorityLevel', ({ spec }) => spec.priorityLevelConfiguration.name),
    column('MatchingPrecedence', ({ spec }) => spec.matchingPrecedence),
    column('DistinguisherMethod', ({ spec }) => spec.distinguisherMethod?.type ?? NONE),
    created,
    column('MissingPL', ({ status }) => status.conditions?.find((c) => c.type === 'Dangling')?.status ?? '?'),
  ),
})

const queuing = ({ spec }: PriorityLevelConfiguration): QueuingConfiguration | undefined => spec.limited?.limitResponse.queuing

export const priorityLevelConfigurationDef: ResourceDef<PriorityLevelConfiguration> = defineResource(priorityLevelConfigurations, {
  strategy: { status: 'controlled', generation: ['spec'] },
  subresources: { status: statusSubresource({ keepMetadata: true }) },
  table: table<PriorityLevelConfiguration>(
    name,
    column('Type', ({ spec }) => spec.type),
    column('NominalConcurrencyShares', ({ spec }) => spec.limited?.nominalConcurrencyShares ?? NONE),
    column('Queues', (level) => queuing(level)?.queues ?? NONE),
    column('HandSize', (level) => queuing(level)?.handSize ?? NONE),
    column('QueueLengthLimit', (level) => queuing(level)?.queueLengthLimit ?? NONE),
    created,
  ),
})
