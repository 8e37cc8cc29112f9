import { flowSchemas, priorityLevelConfigurations } from '../../api/kinds.ts'
import type { FlowSchema, PriorityLevelConfiguration, QueuingConfiguration } from '../../api/types/flowcontrol-v1.ts'
import { defineResource } from './define.ts'
import { validateFlowControlStatus, validateFlowSchema, validatePriorityLevel } from './flowcontrol-validation.ts'
import type { ResourceDef, Work } from './resource-def.ts'
import { statusSubresource } from './strategy.ts'
import { NONE } from './table/cells.ts'
import { column, created, name, table } from './table/table.ts'

/** As they are matched. */
const byPrecedence = (a: FlowSchema, b: FlowSchema): number =>
  a.spec.matchingPrecedence - b.spec.matchingPrecedence || (a.metadata.name < b.metadata.name ? -1 : 1)

export const flowSchemaDef: ResourceDef<FlowSchema> = defineResource(flowSchemas, {
  rowOrder: byPrecedence,
  validate: validateFlowSchema,
  applyDefaults: ({ spec }) => {
    spec.matchingPrecedence ||= 1_000
  },
  strategy: { status: 'controlled', generation: ['spec'] },
  subresources: { status: statusSubresource({ keepMetadata: true, validate: validateFlowControlStatus }) },
  table: table<FlowSchema>(
    name,
    column('PriorityLevel', ({ spec }) => spec.priorityLevelConfiguration.name),
    column('MatchingPrecedence', ({ spec }) => spec.matchingPrecedence),
    column('DistinguisherMethod', ({ spec }) => spec.distinguisherMethod?.type ?? NONE),
    created,
    column('MissingPL', ({ status }) => status.conditions?.find((c) => c.type === 'Dangling')?.status ?? '?'),
  ),
})

/** Source: shared facts on defaults, flowcontrol.apiserver.k8s.io_v1. */
function defaultPriorityLevel({ spec }: Work<PriorityLevelConfiguration>): void {
  const { limited, exempt } = spec
  if (limited !== undefined) {
    // A pointer in Go although it is always written: an absent one differs from zero.
    ;(limited as { nominalConcurrencyShares?: number }).nominalConcurrencyShares ??= 30
    limited.lendablePercent ??= 0
    const queues = limited.limitResponse.queuing
    if (queues !== undefined) {
      queues.handSize ||= 8
      queues.queues ||= 64
      queues.queueLengthLimit ||= 50
    }
  }
  if (exempt !== undefined) {
    exempt.nominalConcurrencyShares ??= 0
    exempt.lendablePercent ??= 0
  }
}

const queuing = ({ spec }: PriorityLevelConfiguration): QueuingConfiguration | undefined => spec.limited?.limitResponse.queuing

export const priorityLevelConfigurationDef: ResourceDef<PriorityLevelConfiguration> = defineResource(priorityLevelConfigurations, {
  validate: validatePriorityLevel,
  applyDefaults: defaultPriorityLevel,
  strategy: { status: 'controlled', generation: ['spec'] },
  subresources: { status: statusSubresource({ keepMetadata: true, validate: validateFlowControlStatus }) },
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
