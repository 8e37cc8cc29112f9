import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withRemote } from './remote.ts'

const ref = (name: string): object => ({ $ref: `#/definitions/${name}` })
const own = { paths: { '/a': {} }, definitions: { Meta: { type: 'object' }, Status: { type: 'object', description: 'ours' } } }

describe('withRemote', () => {
  it('adds paths with the definitions they need, and shares equal ones', () => {
    const remote = {
      paths: { '/b': { get: ref('Thing') }, '/a': { get: ref('Never') } },
      definitions: { Thing: { properties: { meta: ref('Meta'), self: [ref('Thing')] } }, Meta: { type: 'object' }, Other: {} },
    }
    assert.deepEqual(withRemote(own, [remote]), {
      paths: { '/a': {}, '/b': { get: ref('Thing') } },
      definitions: { Meta: { type: 'object' }, Status: own.definitions.Status, Thing: remote.definitions.Thing },
    })
  })

  it('keeps a different definition of the same name apart', () => {
    const remote = { paths: { '/b': { get: ref('Status') } }, definitions: { Status: { description: 'theirs', items: ref('Status') } } }
    const { paths, definitions } = withRemote(own, [remote])
    assert.deepEqual(paths['/b'], { get: ref('Status_v2') })
    assert.deepEqual(definitions['Status_v2'], { description: 'theirs', items: ref('Status_v2') })
    assert.deepEqual(definitions['Status'], own.definitions.Status)
  })
})
