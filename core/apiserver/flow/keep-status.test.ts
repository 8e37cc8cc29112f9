import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { FlowSchema } from '../../api/types/flowcontrol-v1.ts'
import { danglingStatus } from './keep-status.ts'

const schema = (status: object = {}): FlowSchema =>
  ({ metadata: { name: 's' }, spec: { priorityLevelConfiguration: { name: 'gold' } }, status }) as unknown as FlowSchema

it('a flow schema tells whether its priority level is there, and since when', () => {
  const found = danglingStatus(schema(), true, 'then')
  assert.deepEqual(found, {
    conditions: [
      {
        type: 'Dangling',
        status: 'False',
        reason: 'Found',
        message: 'This FlowSchema references the PriorityLevelConfiguration object named "gold" and it exists',
        lastTransitionTime: 'then',
      },
    ],
  })
  assert.equal(danglingStatus(schema(found), true, 'now'), undefined)
  assert.deepEqual(danglingStatus(schema(found), false, 'now'), {
    conditions: [
      {
        type: 'Dangling',
        status: 'True',
        reason: 'NotFound',
        message: 'This FlowSchema references the PriorityLevelConfiguration object named "gold" but there is no such object',
        lastTransitionTime: 'now',
      },
    ],
  })
})
