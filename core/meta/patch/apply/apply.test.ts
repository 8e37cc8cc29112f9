import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { StatusError } from '../../status-error.ts'
import { deploymentSchema, podSchema } from '../testing.ts'
import { type ApplyOptions, applyPatch } from './apply.ts'
import type { FieldSet } from './field-set.ts'
import type { ManagedFieldsEntry } from './managers.ts'
import type { JsonObject } from './path-element.ts'
import { updateManagedFields } from './update.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')
const meta = { name: 'a', namespace: 'd' }

function apply(live: JsonObject | undefined, patch: object, options: Partial<ApplyOptions> = {}): JsonObject {
  const base = { schema: podSchema, manager: 'm', apiVersion: 'v1', force: false, nowMs: NOW }
  const result = applyPatch({ ...base, live, patch: { apiVersion: 'v1', kind: 'Pod', metadata: meta, ...patch }, ...options })
  return { ...result.object, metadata: { ...(result.object['metadata'] as object), managedFields: result.managedFields } }
}

const entries = (object: JsonObject): readonly ManagedFieldsEntry[] =>
  (object['metadata'] as { managedFields: readonly ManagedFieldsEntry[] }).managedFields
const spec = (object: JsonObject): JsonObject => object['spec'] as JsonObject
const containersOf = (object: JsonObject): readonly JsonObject[] => spec(object)['containers'] as readonly JsonObject[]
const container = (name: string, extra: object = {}): object => ({ name, image: 'i', ...extra })

describe('applyPatch', () => {
  it('creates with the fields of the configuration alone', () => {
    const created = apply(undefined, { spec: { containers: [container('c', { ports: [{ containerPort: 80 }] })], restartPolicy: 'Never' } })
    assert.deepEqual(entries(created)[0], {
      manager: 'm',
      operation: 'Apply',
      apiVersion: 'v1',
      time: '2026-01-01T00:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:spec': {
          'f:containers': {
            'k:{"name":"c"}': {
              '.': {},
              'f:image': {},
              'f:name': {},
              'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
            },
          },
          'f:restartPolicy': {},
        },
      },
    })
  })

  it('merges list items by their keys and keeps what others own', () => {
    const live = apply(undefined, { spec: { containers: [container('a'), container('b')] } })
    const next = apply(live, { spec: { containers: [container('c'), container('b', { command: ['x'] })] } }, { manager: 'other' })
    assert.deepEqual(
      containersOf(next).map((c) => c['name']),
      ['a', 'c', 'b'],
    )
    assert.deepEqual(containersOf(next)[2], container('b', { command: ['x'] }))
  })

  it('removes what the manager no longer applies, unless another owns it', () => {
    const first = apply(undefined, {
      metadata: { ...meta, labels: { a: '1', b: '2' } },
      spec: { containers: [container('a'), container('b')] },
    })
    const shared = apply(first, { spec: { containers: [container('b')] } }, { manager: 'other' })
    const last = apply(shared, { metadata: { ...meta, labels: { a: '1' } } })
    assert.deepEqual(
      containersOf(last).map((c) => c['name']),
      ['b'],
    )
    assert.deepEqual((last['metadata'] as JsonObject)['labels'], { a: '1' })
  })

  it('keeps fields nobody owns in a struct that others hold', () => {
    const first = apply(undefined, { spec: { restartPolicy: 'Never', containers: [container('a')] } })
    const defaulted = { ...first, spec: { ...spec(first), dnsPolicy: 'ClusterFirst' } }
    const next = apply(defaulted, { spec: { containers: [container('a')] } })
    assert.equal(spec(next)['dnsPolicy'], 'ClusterFirst')
    assert.equal('restartPolicy' in spec(next), false)
  })

  it('reports conflicts with every owner in the words of Kubernetes, and takes the fields when forced', () => {
    const created = apply(undefined, { spec: { replicas: 1 } }, { schema: deploymentSchema, manager: 'first' })
    const scaledObject = { ...created, spec: { replicas: 3, paused: true } }
    const managedFields = updateManagedFields({
      old: created,
      next: scaledObject,
      schema: deploymentSchema,
      manager: 'hpa',
      apiVersion: 'apps/v1',
      nowMs: NOW,
      subresource: 'scale',
    })
    const live = { ...scaledObject, metadata: { ...meta, managedFields } }
    const patch = { spec: { replicas: 2 } }
    assert.throws(
      () => apply(live, patch, { schema: deploymentSchema, manager: 'first' }),
      (err) => {
        assert.ok(err instanceof StatusError)
        assert.equal(err.code, 409)
        assert.equal(
          err.message,
          'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
        )
        assert.deepEqual(err.details.causes, [
          {
            reason: 'FieldManagerConflict',
            message: 'conflict with "hpa" with subresource "scale" using apps/v1',
            field: '.spec.replicas',
          },
        ])
        return true
      },
    )
    const forced = apply(live, patch, { schema: deploymentSchema, manager: 'first', force: true })
    assert.equal(spec(forced)['replicas'], 2)
    assert.deepEqual(
      entries(forced).map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
      [
        ['first', { 'f:spec': { 'f:replicas': {} } }],
        ['hpa', { 'f:spec': { 'f:paused': {} } }],
      ],
    )
  })

  it('lists several conflicts by manager and field', () => {
    const live = apply(undefined, { spec: { nodeName: 'n', containers: [container('a')] } })
    assert.throws(() => apply(live, { spec: { nodeName: 'x', containers: [container('a', { image: 'j' })] } }, { manager: 'z' }), {
      message: 'Apply failed with 2 conflicts: conflicts with "m":\n- .spec.nodeName\n- .spec.containers[name="a"].image',
    })
  })

  it('shares a field that two managers set to the same value', () => {
    const live = apply(undefined, { spec: { nodeName: 'n' } })
    const both = apply(live, { spec: { nodeName: 'n' } }, { manager: 'z' })
    assert.deepEqual(
      entries(both).map((entry) => entry.manager),
      ['m', 'z'],
    )
    const one = apply(both, { spec: {} })
    assert.equal(spec(one)['nodeName'], 'n')
  })

  it('gives fields without an owner to before-first-apply', () => {
    const live = { apiVersion: 'v1', kind: 'Pod', metadata: meta, spec: { nodeName: 'n' } }
    assert.throws(() => apply(live, { spec: { nodeName: 'x' } }), {
      message: /conflict with "before-first-apply" using v1: \.spec\.nodeName/,
    })
    const same = apply(live, { spec: { nodeName: 'n' } })
    assert.deepEqual(
      entries(same).map((entry) => entry.manager),
      ['m', 'before-first-apply'],
    )
  })

  it('treats atomic lists and maps as one field', () => {
    const live = apply(undefined, { spec: { nodeSelector: { a: '1' }, tolerations: [{ key: 'k' }] } })
    assert.throws(() => apply(live, { spec: { nodeSelector: { b: '1' } } }, { manager: 'z' }), { message: /: \.spec\.nodeSelector$/ })
    const next = apply(live, { spec: { nodeSelector: { b: '1' }, tolerations: [{ key: 'k' }] } })
    assert.deepEqual(spec(next)['nodeSelector'], { b: '1' })
  })

  it('lets kubectl take over what client-side apply had set', () => {
    const applied = { apiVersion: 'v1', kind: 'Pod', metadata: { ...meta, annotations: {} }, spec: { nodeName: 'n', dnsPolicy: 'Default' } }
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(applied) }
    const object = { ...applied, metadata: { ...meta, annotations } }
    const managedFields = updateManagedFields({
      old: undefined,
      next: object,
      schema: podSchema,
      manager: 'kubectl-client-side-apply',
      apiVersion: 'v1',
      nowMs: NOW,
    })
    const live = { ...object, metadata: { ...object.metadata, managedFields } }
    const next = apply(live, { spec: { nodeName: 'x', dnsPolicy: 'Default' } }, { manager: 'kubectl' })
    assert.equal(spec(next)['nodeName'], 'x')
    const text = ((next['metadata'] as JsonObject)['annotations'] as JsonObject)[
      'kubectl.kubernetes.io/last-applied-configuration'
    ] as string
    assert.equal((JSON.parse(text) as { spec: JsonObject }).spec['nodeName'], 'x')
    assert.throws(() => apply(live, { spec: { nodeName: 'x' } }, { manager: 'someone' }), { code: 409 })
  })

  it('rejects what does not fit the schema', () => {
    const cases: readonly [object, string][] = [
      [{ spec: { foo: 1 } }, 'failed to create typed patch object (d/a; /v1, Kind=Pod): .spec.foo: field not declared in schema'],
      [
        { spec: { containers: [container('a'), container('a')] } },
        'failed to create typed patch object (d/a; /v1, Kind=Pod): .spec.containers: duplicate entries for key [name="a"]',
      ],
      [{ spec: { nodeName: 5 } }, 'failed to create typed patch object (d/a; /v1, Kind=Pod): .spec.nodeName: expected string, got 5'],
      [
        { spec: { containers: [{ image: 'x' }] } },
        `failed to create typed patch object (d/a; /v1, Kind=Pod): .spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn't have default values for any key fields)`,
      ],
    ]
    for (const [patch, message] of cases) assert.throws(() => apply(undefined, patch), { message, code: 500 })
    assert.throws(() => apply(undefined, { apiVersion: 'v2' }), { code: 400 })
    assert.throws(() => apply(undefined, { metadata: { ...meta, managedFields: [] } }), {
      message: 'metadata.managedFields must be nil',
      code: 400,
    })
  })

  it('owns nothing of the fields that the endpoint resets', () => {
    const created = apply(undefined, { spec: { nodeName: 'n' }, status: { phase: 'Running' } }, { resetFields: { 'f:status': {} } })
    assert.deepEqual(entries(created)[0]?.fieldsV1, { 'f:spec': { 'f:nodeName': {} } })
  })
})

const names = fc.constantFrom('a', 'b', 'c', 'd')
const containers = fc.uniqueArray(fc.record({ name: names, image: fc.constantFrom('i', 'j') }), { selector: (c) => c.name, maxLength: 4 })
const config = fc
  .record(
    {
      metadata: fc.record(
        {
          name: fc.constant('x'),
          labels: fc.dictionary(names, fc.constantFrom('1', '2'), { maxKeys: 3 }),
          finalizers: fc.uniqueArray(names, { minLength: 1 }),
        },
        { requiredKeys: ['name'] },
      ),
      spec: fc.record(
        {
          containers,
          nodeName: names,
          securityContext: fc.record({ runAsUser: fc.nat(2) }, { requiredKeys: [] }),
          tolerations: fc.array(fc.record({ key: names })),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['metadata'] },
  )
  .map((value) => JSON.parse(JSON.stringify(value)) as { metadata: object; spec?: { nodeName?: string; containers?: object[] } })

describe('applyPatch, for any configuration', () => {
  it('is idempotent', () => {
    fc.assert(
      fc.property(config, config, (base, patch) => {
        const live = apply(undefined, base, { manager: 'base' })
        const once = apply(live, patch, { force: true })
        assert.deepEqual(apply(once, patch, { nowMs: NOW + 60_000 }), once)
      }),
    )
  })
  it('ends at the last configuration when one manager alone applies', () => {
    fc.assert(
      fc.property(config, config, (first, second) => {
        const direct = apply(undefined, second)
        const through = apply(apply(undefined, first), second)
        assert.deepEqual(entries(through), entries(direct))
        assert.deepEqual((through['spec'] as JsonObject | undefined)?.['nodeName'], second.spec?.nodeName)
        assert.deepEqual((through['spec'] as JsonObject | undefined)?.['containers'] ?? [], second.spec?.containers ?? [])
      }),
    )
  })
  it('never leaves a field of a forced apply to another manager with another value', () => {
    fc.assert(
      fc.property(config, config, (mine, theirs) => {
        const object = apply(apply(undefined, mine), theirs, { manager: 'z', force: true })
        const again = apply(object, theirs, { manager: 'z' })
        assert.equal(entries(again).length, entries(object).length)
        for (const entry of entries(object)) assert.ok(Object.keys(entry.fieldsV1 as FieldSet).length > 0)
      }),
    )
  })
})
