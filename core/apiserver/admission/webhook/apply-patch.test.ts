import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { writeOf } from '../../../../tests/helpers/admission.ts'
import { applyHookPatch } from './apply-patch.ts'
import type { Hook } from './hook.ts'

const hook = { id: 'c/h/0', name: 'h.example.com' } as Hook

describe('the patch of a webhook', () => {
  const apply = (object: object, patch: unknown): boolean => {
    const attributes = writeOf({ resource: 'pods', subresource: 'binding', object })
    return applyHookPatch(hook, attributes, Buffer.from(JSON.stringify(patch)).toString('base64'), attributes.def)
  }

  it('changes the object itself', () => {
    const object = { kind: 'Binding', metadata: { name: 'b' }, target: { name: 'n' } }
    assert.equal(apply(object, [{ op: 'replace', path: '/target/name', value: 'm' }]), true)
    assert.equal(object.target.name, 'm')
    assert.equal(apply(object, [{ op: 'test', path: '/target/name', value: 'm' }]), false)
  })

  for (const { title, patch, problem } of [
    { title: 'that is no list', patch: { op: 'add' }, problem: /the patch is no list of operations/ },
    {
      title: 'that does not fit',
      patch: [{ op: 'remove', path: '/zap' }],
      problem: /cannot be applied: Unable to remove nonexistent key: zap/,
    },
    { title: 'that leaves no object', patch: [{ op: 'replace', path: '', value: 1 }], problem: /the result is no object/ },
    {
      title: 'that copies copies',
      patch: Array.from({ length: 60 }, (_, index) => ({ op: 'copy', from: '/metadata', path: `/metadata/k${index}` })),
      problem: /the accumulated size of copies exceeds/,
    },
  ])
    it(`is refused ${title}`, () => {
      assert.throws(() => apply({ kind: 'Binding', metadata: { name: 'b' } }, patch), { code: 500, message: problem })
    })
})
