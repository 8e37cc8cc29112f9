import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject, ObjectMetaLike } from '../../meta/object.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import { planDelete } from './deletion.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')
const at = (seconds: number): string => new Date(NOW + seconds * 1000).toISOString().replace('.000', '')

const plain = { defaultDeletion: 'background' } as ResourceDef
const orphaning = { defaultDeletion: 'orphan' } as ResourceDef
const graceful = {
  defaultDeletion: 'background',
  gracePeriodSeconds: (_: KubeObject, requested = 30) => requested,
} as unknown as ResourceDef

interface Case {
  readonly title: string
  readonly def: ResourceDef
  readonly metadata?: Partial<ObjectMetaLike>
  readonly options?: Parameters<typeof planDelete>[2]
  readonly action: 'pending' | 'mark' | 'remove'
  readonly expected?: Partial<ObjectMetaLike>
}

const none = { gracePeriodSeconds: undefined, propagation: undefined }

const CASES: readonly Case[] = [
  { title: 'goes at once', def: plain, action: 'remove' },
  {
    title: 'waits for finalizers',
    def: plain,
    metadata: { finalizers: ['a/b'], generation: 3 },
    action: 'mark',
    expected: { deletionTimestamp: at(0), deletionGracePeriodSeconds: 0, generation: 4, finalizers: ['a/b'] },
  },
  {
    title: 'keeps its first deletion time',
    def: plain,
    metadata: { finalizers: ['a/b'], deletionTimestamp: at(-50), deletionGracePeriodSeconds: 0, generation: 3 },
    action: 'mark',
    expected: { deletionTimestamp: at(-50), generation: 3 },
  },
  {
    title: 'gets the foreground finalizer',
    def: plain,
    options: { ...none, propagation: 'Foreground' },
    action: 'mark',
    expected: { finalizers: ['foregroundDeletion'], deletionTimestamp: at(0) },
  },
  { title: 'gets the orphan finalizer of its kind', def: orphaning, action: 'mark', expected: { finalizers: ['orphan'] } },
  {
    title: 'loses it when the request says background',
    def: orphaning,
    metadata: { finalizers: ['orphan'] },
    options: { ...none, propagation: 'Background' },
    action: 'remove',
  },
  { title: 'is given its grace', def: graceful, action: 'mark', expected: { deletionTimestamp: at(30), deletionGracePeriodSeconds: 30 } },
  {
    title: 'goes at once with no grace',
    def: graceful,
    options: { ...none, gracePeriodSeconds: 0 },
    action: 'remove',
    expected: { deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 },
  },
  {
    title: 'waits for finalizers with no grace',
    def: graceful,
    metadata: { finalizers: ['a/b'] },
    options: { ...none, gracePeriodSeconds: 0 },
    action: 'mark',
    expected: { deletionGracePeriodSeconds: 0 },
  },
  {
    title: 'is left alone while its grace runs',
    def: graceful,
    metadata: { deletionTimestamp: at(20), deletionGracePeriodSeconds: 30 },
    action: 'pending',
  },
  {
    title: 'may not have its grace prolonged',
    def: graceful,
    metadata: { deletionTimestamp: at(20), deletionGracePeriodSeconds: 30 },
    options: { ...none, gracePeriodSeconds: 60 },
    action: 'pending',
  },
  {
    title: 'may have its grace shortened, from the first request on',
    def: graceful,
    metadata: { deletionTimestamp: at(20), deletionGracePeriodSeconds: 30 },
    options: { ...none, gracePeriodSeconds: 15 },
    action: 'mark',
    expected: { deletionTimestamp: at(5), deletionGracePeriodSeconds: 15 },
  },
  {
    title: 'goes when its grace was zero already',
    def: graceful,
    metadata: { deletionTimestamp: at(-5), deletionGracePeriodSeconds: 0 },
    action: 'remove',
  },
]

describe('a deleted object', () => {
  for (const { title, def, metadata, options = none, action, expected = {} } of CASES) {
    it(title, () => {
      const object: KubeObject = {
        metadata: Object.freeze({ name: 'a', uid: 'u', resourceVersion: '1', creationTimestamp: at(-100), ...metadata }),
      }
      const plan = planDelete(def, object, options, NOW)
      assert.equal(plan.action, action)
      const shown: Readonly<Record<string, unknown>> = { ...plan.next.metadata }
      for (const [key, value] of Object.entries(expected)) assert.deepEqual(shown[key], value, key)
    })
  }
})
