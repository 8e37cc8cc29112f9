import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'
import { AUTOMANAGED, AVAILABLE, localServices, planServices } from './local-services.ts'
import { apiServiceErrors } from './validate.ts'

const def = (group: string, version: string): ResourceDef => ({ group, version }) as ResourceDef
const service = (name: string, more: object = {}, labels: Record<string, string> = { [AUTOMANAGED]: 'true' }): APIService => {
  const [version = '', ...group] = name.split('.')
  const spec = { group: group.join('.'), version, groupPriorityMinimum: 1000, versionPriority: 100 }
  return { metadata: { name, labels }, spec, status: { conditions: [] }, ...more } as unknown as APIService
}

describe('localServices', () => {
  it('has one a group version, but for the group of APIServices', () => {
    const services = localServices([def('', 'v1'), def('', 'v1'), def('apiregistration.k8s.io', 'v1'), def('example.com', 'v2')])
    assert.deepEqual(services, [
      { name: 'v1.', managed: 'onstart', spec: { group: '', version: 'v1', groupPriorityMinimum: 18000, versionPriority: 1 } },
      {
        name: 'v2.example.com',
        managed: 'true',
        spec: { group: 'example.com', version: 'v2', groupPriorityMinimum: 1000, versionPriority: 100 },
      },
    ])
  })
})

describe('planServices', () => {
  const wanted = localServices([def('example.com', 'v1'), def('example.com', 'v2')])

  it('creates what lacks, removes what is no longer served, and announces', () => {
    const told = { status: { conditions: [{ ...AVAILABLE, lastTransitionTime: '' }] } }
    const plan = planServices(wanted, [service('v1.example.com'), service('v9.example.com'), service('v8.example.com', told)])
    assert.deepEqual(
      [
        plan.create.map(({ name }) => name),
        plan.remove.map(({ metadata }) => metadata.name),
        plan.announce.map(({ metadata }) => metadata.name),
      ],
      [['v2.example.com'], ['v9.example.com', 'v8.example.com'], ['v1.example.com']],
    )
  })

  it('leaves objects of others alone', () => {
    const plan = planServices(wanted, [service('v1.example.com', {}, {}), service('v2.example.com'), service('v1.metrics.k8s.io', {}, {})])
    assert.deepEqual([plan.create, plan.remove, plan.announce.length], [[], [], 1])
  })
})

describe('apiServiceErrors', () => {
  const problems = (object: APIService): string[] => apiServiceErrors(object).map((error) => `${error.field}: ${error.message}`)

  it('has nothing against a good one', () => assert.deepEqual(problems(service('v1.example.com')), []))

  it('names what is wrong', () => {
    const bad = service('v1.example.com', {
      metadata: { name: 'x' },
      spec: { ...service('v1.example.com').spec, versionPriority: 0, insecureSkipTLSVerify: true },
    })
    assert.deepEqual(problems(bad), [
      'metadata.name: Invalid value: "x": must be `spec.version+"."+spec.group`: "v1.example.com"',
      'spec.versionPriority: Invalid value: 0: must be positive and less than 1000',
      'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
    ])
  })
})
