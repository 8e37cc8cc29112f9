import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Pod } from '../../api/types/core-v1.ts'
import { missingLog } from './missing-log.ts'

const pod = (reason: string): Pod =>
  ({
    metadata: { name: 'p' },
    status: { containerStatuses: [{ name: 'c', state: { waiting: { reason } } }], initContainerStatuses: [{ name: 'i', state: {} }] },
  }) as unknown as Pod

it('a log that is not there says what its container waits for', () => {
  const cases: readonly (readonly [reason: string, container: string, text: string])[] = [
    ['ErrImagePull', 'c', 'container "c" in pod "p" is waiting to start: image can\'t be pulled'],
    ['ImagePullBackOff', 'c', 'container "c" in pod "p" is waiting to start: trying and failing to pull image'],
    ['ContainerCreating', 'c', 'container "c" in pod "p" is waiting to start: ContainerCreating'],
    ['', 'i', 'container "i" in pod "p" is waiting to start'],
    ['', 'x', 'container "x" in pod "p" is not available'],
  ]
  for (const [reason, container, text] of cases) assert.equal(missingLog(pod(reason), container, false), text)
  assert.equal(missingLog(pod(''), 'c', true), 'previous terminated container "c" in pod "p" not found')
})
