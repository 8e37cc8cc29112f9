import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runtimeMissing } from '../helpers/node-sandbox.ts'
import { startTestNode } from '../helpers/test-node.ts'
import { TEST_IMAGE } from '../helpers/images.ts'

const image = TEST_IMAGE

describe('a pod on a node', { skip: runtimeMissing() ?? false }, () => {
  it('starts, is told as Running and Ready, and is taken away when it is deleted', async () => {
    await using node = await startTestNode()
    node.api.addPod({ containers: [{ name: 'main', image, command: ['sh', '-c', 'echo hello; sleep 1000'] }] }, { name: 'web' })
    const pod = await node.until('web', ({ status }) => {
      assert.equal(status.phase, 'Running')
      assert.equal(status.conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
    })
    assert.match(pod.status.podIP ?? '', /^10\.203\./)
    assert.match(pod.status.containerStatuses?.[0]?.containerID ?? '', /^containerd:\/\/[0-9a-f]{64}$/)
    assert.equal(pod.status.containerStatuses?.[0]?.image, TEST_IMAGE)
    assert.equal(pod.status.qosClass, 'BestEffort')
    const reasons = node.events('web').map(({ reason }) => reason)
    assert.deepEqual(
      reasons.filter((reason) => ['Pulled', 'Created', 'Started'].includes(reason ?? '')),
      ['Pulled', 'Created', 'Started'],
    )
    node.api.deletePod('web', 1)
    await node.gone('web')
  })
})
