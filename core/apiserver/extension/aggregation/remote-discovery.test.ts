import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toDiscoveryEntries } from './remote-discovery.ts'

const entries = (resources: readonly object[]): unknown =>
  toDiscoveryEntries(JSON.stringify({ kind: 'APIResourceList', resources }), 'example.com', 'v1')
const kind = (name: string): object => ({ group: 'example.com', version: 'v1', kind: name })

describe('toDiscoveryEntries', () => {
  it('puts subresources below their resource', () => {
    assert.deepEqual(
      entries([
        { name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['get'], shortNames: ['th'], categories: ['all'] },
        { name: 'things/scale', namespaced: true, kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'update'] },
        { name: 'places', kind: 'Place', verbs: ['list'] },
      ]),
      [
        {
          resource: 'things',
          responseKind: kind('Thing'),
          scope: 'Namespaced',
          singularResource: 'thing',
          verbs: ['get'],
          shortNames: ['th'],
          categories: ['all'],
          subresources: [
            { subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['get', 'update'] },
          ],
        },
        { resource: 'places', responseKind: kind('Place'), scope: 'Cluster', singularResource: '', verbs: ['list'] },
      ],
    )
  })

  it('announces a subresource that stands alone', () => {
    assert.deepEqual(entries([{ name: 'things/console', namespaced: true, kind: 'Console', verbs: ['get'] }]), [
      {
        resource: 'things',
        scope: 'Namespaced',
        subresources: [{ subresource: 'console', responseKind: kind('Console'), verbs: ['get'] }],
      },
    ])
  })

  it('takes nothing from another kind of document', () => {
    for (const text of ['<html>', '{}', 'null', '{"kind":"APIResourceList"}']) assert.equal(toDiscoveryEntries(text, 'a', 'v1'), undefined)
    assert.deepEqual(toDiscoveryEntries('{"kind":"APIResourceList","resources":[{"name":7}]}', 'a', 'v1'), [])
  })
})
