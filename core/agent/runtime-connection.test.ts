import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { RuntimeStatus } from './cri/types.ts'
import { toldByRuntime } from './runtime-connection.ts'

it('a node tells of its runtime what that tells of itself', async () => {
  const { signal } = new AbortController()
  const told = (status: Omit<RuntimeStatus, 'conditions'>) =>
    toldByRuntime({ status: () => Promise.resolve({ conditions: [], ...status }) }, signal)
  assert.deepEqual(await told({ handlers: [], supplementalGroupsPolicy: false }), {})
  const features = { recursiveReadOnlyMounts: true, userNamespaces: false }
  assert.deepEqual(await told({ handlers: [{ name: 'runc', features }, { name: '' }], supplementalGroupsPolicy: true }), {
    runtimeHandlers: [{ name: '' }, { name: 'runc', features }],
    features: { supplementalGroupsPolicy: true },
  })
})
