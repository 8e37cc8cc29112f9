import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KIND_TABLE } from '../../api/kind-table.ts'
import type { KubeObject } from '../../meta/object.ts'
import { RESOURCES } from './index.ts'
import { created, decoded, TEST_CONTEXT } from './testing.ts'

const nameOf = (def: { readonly group: string; readonly version: string; readonly kind: string }): string =>
  `${def.group}/${def.version} ${def.kind}`

describe('RESOURCES', () => {
  it('holds every served kind once, but those of the metrics server', () => {
    const served = KIND_TABLE.filter((entry) => entry.served && entry.group !== 'metrics.k8s.io').map(nameOf)
    assert.deepEqual([...new Set(RESOURCES.map(nameOf))].sort(), [...served].sort())
    assert.equal(RESOURCES.length, served.length)
  })

  it('gives every subresource of the kind table', () => {
    for (const def of RESOURCES) {
      const entry = KIND_TABLE.find((row) => nameOf(row) === nameOf(def))
      assert.deepEqual(Object.keys(def.subresources).sort(), entry?.subresources.map(({ name }) => name).sort(), nameOf(def))
    }
  })

  it('keeps versions of one stored kind under one prefix, with a way between them', () => {
    const prefixes = Map.groupBy(
      RESOURCES.filter((def) => def.storagePrefix !== ''),
      (def) => def.storagePrefix,
    )
    for (const [prefix, defs] of prefixes) {
      assert.equal(defs.filter((def) => def.conversion === undefined).length, 1, prefix)
    }
  })

  for (const def of RESOURCES.filter(({ verbs }) => verbs.includes('create') && verbs.includes('list'))) {
    it(`prepares, validates and prints an empty ${nameOf(def)} without throwing`, () => {
      const object = created<KubeObject>(def, { metadata: { name: 'x' } })
      const problems = def.validate?.(object, undefined, TEST_CONTEXT) ?? []
      for (const { field, message } of problems) assert.ok(!`${field}${message}`.includes('undefined'), `${field}: ${message}`)
      const cells = def.toRow(object, TEST_CONTEXT.nowMs)
      assert.ok(cells.length >= def.columns.length)
      def.selectableFields?.(object)
      const next = structuredClone(object)
      def.prepareUpdate?.(next, object, TEST_CONTEXT)
      assert.equal(next.metadata.generation, object.metadata.generation, 'an update without changes is none')
      def.validate?.(next, object, TEST_CONTEXT)
    })

    it(`defaults an empty ${nameOf(def)} once: a second time changes nothing`, () => {
      const object = decoded<KubeObject>(def, {})
      const again = structuredClone(object)
      def.applyDefaults?.(again)
      assert.deepEqual(again, object)
    })
  }
})
