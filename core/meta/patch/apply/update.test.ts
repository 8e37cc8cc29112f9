import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { podSchema } from '../testing.ts'
import { equalSets, type FieldSet } from './field-set.ts'
import type { ManagedFieldsEntry } from './managers.ts'
import type { JsonObject } from './path-element.ts'
import { updateManagedFields } from './update.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', namespace: 'd', uid: 'u', resourceVersion: '1', creationTimestamp: 't', labels: { app: 'x' } },
  spec: {
    containers: [
      { name: 'c', image: 'i', resources: {}, ports: [{ containerPort: 80, protocol: 'TCP' }], env: [{ name: 'E', value: '1' }] },
    ],
    restartPolicy: 'Always',
    securityContext: {},
  },
  status: { phase: 'Pending' },
}

const base = { schema: podSchema, manager: 'kubectl', apiVersion: 'v1', nowMs: NOW, resetFields: { 'f:status': {} } }

function fieldsOf(entries: readonly ManagedFieldsEntry[] | undefined, manager: string): FieldSet | undefined {
  return entries?.find((entry) => entry.manager === manager)?.fieldsV1 as FieldSet | undefined
}

function withEntries<T extends JsonObject & { metadata: object }>(object: T, managedFields: readonly ManagedFieldsEntry[] | undefined): T {
  return { ...object, metadata: { ...object.metadata, managedFields } }
}

describe('updateManagedFields', () => {
  it('records the whole configuration of a create, as Kubernetes writes it', () => {
    const entries = updateManagedFields({ ...base, old: undefined, next: pod })
    assert.deepEqual(entries, [
      {
        manager: 'kubectl',
        operation: 'Update',
        apiVersion: 'v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': {
            'f:containers': {
              'k:{"name":"c"}': {
                '.': {},
                'f:env': { '.': {}, 'k:{"name":"E"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
                'f:image': {},
                'f:name': {},
                'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} } },
                'f:resources': {},
              },
            },
            'f:restartPolicy': {},
            'f:securityContext': {},
          },
        },
      },
    ])
  })

  it('answers the stored list itself when nothing changed', () => {
    const stored = updateManagedFields({ ...base, old: undefined, next: pod })
    const old = withEntries(pod, stored)
    assert.equal(updateManagedFields({ ...base, old, next: structuredClone(old), manager: 'other' }), stored)
  })

  it('moves changed fields to the new manager and forgets removed ones', () => {
    const old = withEntries(pod, updateManagedFields({ ...base, old: undefined, next: pod }))
    const [container] = pod.spec.containers
    const next = withEntries({ ...pod, spec: { ...pod.spec, restartPolicy: 'Never', containers: [{ ...container, env: [] }] } }, undefined)
    const entries = updateManagedFields({ ...base, old, next, manager: 'other', nowMs: NOW + 5000 })
    assert.deepEqual(fieldsOf(entries, 'other'), { 'f:spec': { 'f:restartPolicy': {} } })
    const left = fieldsOf(entries, 'kubectl')?.['f:spec'] ?? {}
    assert.equal('f:restartPolicy' in left, false)
    assert.deepEqual(left['f:containers']?.['k:{"name":"c"}']?.['f:env'], {})
    assert.equal(entries?.[1]?.time, '2026-01-01T00:00:05Z')
  })

  it('keeps one entry per manager, operation, version and subresource', () => {
    const old = withEntries(pod, updateManagedFields({ ...base, old: undefined, next: pod }))
    const status = {
      ...pod,
      status: { phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: 't' }] },
    }
    const entries = updateManagedFields({
      ...base,
      old,
      next: status,
      manager: 'kubectl',
      subresource: 'status',
      resetFields: { 'f:spec': {} },
    })
    assert.deepEqual(
      entries?.map((entry) => entry.subresource),
      [undefined, 'status'],
    )
    const fields = entries[1]?.fieldsV1 as FieldSet
    assert.ok(
      equalSets(fields, {
        'f:status': {
          'f:conditions': { '.': {}, 'k:{"type":"Ready"}': { '.': {}, 'f:lastTransitionTime': {}, 'f:status': {}, 'f:type': {} } },
          'f:phase': {},
          'f:podIP': {},
        },
      }),
      JSON.stringify(fields),
    )
  })

  it('lets a client reset the list, and then tracks no more', () => {
    const old = withEntries(pod, updateManagedFields({ ...base, old: undefined, next: pod }))
    assert.equal(updateManagedFields({ ...base, old, next: withEntries(pod, [{}]) }), undefined)
    assert.equal(updateManagedFields({ ...base, old: pod, next: { ...pod, spec: { restartPolicy: 'Never' } } }), undefined)
  })

  it('keeps the stored list when the client sends a broken one, or any through a subresource', () => {
    const old = withEntries(pod, updateManagedFields({ ...base, old: undefined, next: pod }))
    const stored = old.metadata['managedFields' as 'name'] as unknown
    assert.deepEqual(updateManagedFields({ ...base, old, next: withEntries(pod, [{ manager: 'x', operation: 'Zap' }]) }), stored)
    assert.deepEqual(updateManagedFields({ ...base, old, next: withEntries(pod, []), subresource: 'status' }), stored)
  })

  it('merges the oldest updaters beyond ten', () => {
    let object: JsonObject & { metadata: object } = withEntries(pod, updateManagedFields({ ...base, old: undefined, next: pod }))
    for (let i = 0; i < 14; i += 1) {
      const next = {
        ...object,
        metadata: { ...object.metadata, annotations: { ...(object.metadata as { annotations?: object }).annotations, [`k${i}`]: 'v' } },
      }
      object = withEntries(next, updateManagedFields({ ...base, old: object, next, manager: `m${i}`, nowMs: NOW + i * 1000 }))
    }
    const entries = (object.metadata as { managedFields: readonly ManagedFieldsEntry[] }).managedFields
    assert.equal(entries.length, 10)
    assert.deepEqual(entries.map((entry) => entry.manager).slice(0, 2), ['ancient-changes', 'm5'])
    assert.deepEqual(fieldsOf(entries, 'ancient-changes')?.['f:metadata']?.['f:annotations'], {
      '.': {},
      'f:k0': {},
      'f:k1': {},
      'f:k2': {},
      'f:k3': {},
      'f:k4': {},
    })
  })
})
