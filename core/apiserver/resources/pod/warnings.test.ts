import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deploymentDef } from '../apps/deployment.ts'
import { podDef } from '../core/pod.ts'
import { created, updated } from '../testing.ts'

const pod = (spec: object, container: object = {}): object => ({
  spec: { containers: [{ name: 'c', image: 'a:1', ...container }], ...spec },
})
const warned = (draft: object): readonly string[] => podDef.warnings?.(created(podDef, draft), undefined) ?? []

describe('warnings about pods', () => {
  for (const [title, draft, expected] of [
    [
      'a name with dots',
      { metadata: { name: 'a.b' }, ...pod({}) },
      [
        "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
      ],
    ],
    [
      'an old label',
      pod({ nodeSelector: { 'beta.kubernetes.io/os': 'linux' } }),
      ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
    ],
    [
      'a volume of the past',
      pod({ volumes: [{ name: 'v', gitRepo: { repository: 'r' } }] }),
      ['spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+'],
    ],
    [
      'a variable set twice',
      pod(
        {},
        {
          env: [
            { name: 'A', value: '1' },
            { name: 'A', value: '2' },
          ],
        },
      ),
      ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
    ],
    [
      'a port given twice',
      pod({}, { ports: [{ containerPort: 80 }, { containerPort: 80 }] }),
      ['spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]'],
    ],
    [
      'half a byte',
      pod({}, { resources: { limits: { memory: '500m' } } }),
      [
        'spec.containers[0].resources.limits[memory]: fractional byte value "500m" is invalid, must be an integer',
        'spec.containers[0].resources.requests[memory]: fractional byte value "500m" is invalid, must be an integer',
      ],
    ],
    [
      'no grace',
      pod({ terminationGracePeriodSeconds: -1 }),
      ['spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1'],
    ],
    [
      'a variable that builds on itself',
      pod(
        {},
        {
          env: [
            { name: 'A', value: '1' },
            { name: 'A', value: '$(A)2' },
          ],
        },
      ),
      [],
    ],
  ] as const)
    it(`answer ${title}`, () => {
      assert.deepEqual(warned(draft), expected)
    })

  it('come for a template when it changed', () => {
    const spec = {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, ...pod({ terminationGracePeriodSeconds: -1 }) },
    }
    const old = created(deploymentDef, { spec })
    const { warnings } = deploymentDef
    assert.ok(warnings !== undefined)
    assert.equal(warnings(old, undefined).length, 1)
    assert.deepEqual(warnings(updated(deploymentDef, old, { spec }), old), [])
    assert.equal(warnings(updated(deploymentDef, old, { spec: { ...spec, replicas: 2 } }), old).length, 1)
  })
})
