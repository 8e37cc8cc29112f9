import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Pod, PodSpec } from '../../api/types/core-v1.ts'
import { featureProblem, type NodeFeatures } from './node-features.ts'

const none: NodeFeatures = { supplementalGroupsPolicy: false, recursiveReadOnlyMounts: false, appArmor: false }
const all: NodeFeatures = { supplementalGroupsPolicy: true, recursiveReadOnlyMounts: true, appArmor: true }
const pod = (spec: Partial<PodSpec>): Pod =>
  ({ metadata: {}, spec: { containers: [{ name: 'c', resources: {} }], ...spec } }) as unknown as Pod

describe('what a node cannot do', () => {
  const cases: readonly [string, Partial<PodSpec>, string][] = [
    ['strict groups', { securityContext: { supplementalGroupsPolicy: 'Strict' } }, 'SupplementalGroupsPolicyNotSupported'],
    ['an AppArmor profile', { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }, 'AppArmor'],
  ]
  for (const [title, spec, reason] of cases)
    it(`keeps a pod away that asks for ${title}`, () => {
      assert.equal(featureProblem(pod(spec), none)?.reason, reason)
      assert.equal(featureProblem(pod(spec), all), undefined)
    })
  it('is no matter to pods that do not ask', () => {
    assert.equal(featureProblem(pod({ os: { name: 'linux' } }), none), undefined)
    assert.equal(featureProblem(pod({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }), none), undefined)
  })
  it('is another system', () => {
    assert.equal(featureProblem(pod({ os: { name: 'windows' } }), all)?.reason, 'PodOSNotSupported')
  })
})
