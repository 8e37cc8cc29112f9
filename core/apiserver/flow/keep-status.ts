import { flowSchemas, priorityLevelConfigurations } from '../../api/kinds.ts'
import type { FlowSchema } from '../../api/types/flowcontrol-v1.ts'
import { type ConditionLike, setCondition } from '../../meta/conditions.ts'
import { toTimestamp } from '../../runtime/clock.ts'
import { keepStatus, type StatusDeps } from '../extension/keep-status.ts'

/** Tells in the status of each FlowSchema whether its priority level is there. Resolves when the signal has ended it. */
export function keepFlowSchemaStatus(deps: StatusDeps): Promise<void> {
  const { reader, clock } = deps
  return keepStatus(deps, {
    type: flowSchemas,
    dependsOn: [priorityLevelConfigurations],
    statusOf: (schema) => {
      const level = reader.get(priorityLevelConfigurations, '', schema.spec.priorityLevelConfiguration.name)
      return danglingStatus(schema, level !== undefined, toTimestamp(clock.now()))
    },
  })
}

/** Undefined when the schema says so already. Source: apiserver 1.35, flow control, condition Dangling. */
export function danglingStatus({ spec, status }: FlowSchema, exists: boolean, now: string): object | undefined {
  const old = (status.conditions ?? []) as readonly ConditionLike[]
  const about = `This FlowSchema references the PriorityLevelConfiguration object named "${spec.priorityLevelConfiguration.name}"`
  const conditions = setCondition(
    old,
    exists
      ? { type: 'Dangling', status: 'False', reason: 'Found', message: `${about} and it exists` }
      : { type: 'Dangling', status: 'True', reason: 'NotFound', message: `${about} but there is no such object` },
    now,
  )
  return conditions === old ? undefined : { ...status, conditions }
}
