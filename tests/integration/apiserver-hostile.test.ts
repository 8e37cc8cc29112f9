/* eslint-disable max-params -- a request in one line */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RESOURCES } from '../../core/apiserver/resources/index.ts'
import type { ResourceDef } from '../../core/apiserver/resources/resource-def.ts'
import type { Schema } from '../../core/meta/schema.ts'
import { type Engine, startEngine } from '../helpers/engine.ts'

const STORED = RESOURCES.filter((def) => def.verbs.includes('create') && def.storagePrefix !== '')

function collectionOf({ group, version, namespaced, resource }: ResourceDef): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return `${root}/${namespaced ? 'namespaces/default/' : ''}${resource}`
}

const title = ({ group, version, kind }: ResourceDef): string => `${group === '' ? '' : `${group}/`}${version} ${kind}`

/** Values of every JSON type, none of them meant well. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    1e21,
    '',
    'x',
    [],
    {},
    [null],
    [{}],
    { '': null },
    '../..',
    '\u0000',
    '0x1',
    '10.0.0.1',
    '1Gi',
    '2020-01-01T00:00:00Z',
  ),
  fc.integer(),
  fc.string({ maxLength: 8 }),
)

/** Something of the right type most of the time, of another one now and then. */
function like(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const honest = honestLike(schema, depth)
  return fc.oneof({ weight: 12, arbitrary: honest }, { weight: 1, arbitrary: anything })
}

function honestLike(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (depth === 0) return fc.constant(null)
  switch (schema.type) {
    case 'object': {
      const fields = [...schema.fields.values()].filter(({ name }) => name !== 'managedFields')
      return fc
        .subarray(fields, { minLength: 0, maxLength: Math.min(6, fields.length) })
        .chain((chosen) => fc.record(Object.fromEntries(chosen.map((field) => [field.name, like(field.schema, depth - 1)]))))
    }
    case 'map':
      return fc.dictionary(fc.constantFrom('a', 'b', 'cpu', 'memory', 'x/y'), like(schema.values, depth - 1), { maxKeys: 3 })
    case 'list':
      return fc.array(like(schema.items, depth - 1), { maxLength: 3 })
    case 'boolean':
      return fc.boolean()
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'double':
      return fc.constantFrom(0, 1, -1, 80, 2_147_483_647, -2_147_483_648)
    case 'quantity':
      return fc.constantFrom('1', '100m', '1Gi', '-1', 'x', 5)
    case 'time':
    case 'micro-time':
      return fc.constantFrom('2026-01-01T00:00:00Z', 'x', null)
    case 'int-or-string':
      return fc.constantFrom(0, 80, '25%', 'x', '')
    case 'string':
    case 'bytes':
    case 'duration':
    case 'any':
      return fc.constantFrom(...(schema.enum ?? ['x']), '', 'a', 'Invalid Name', 'IPv4', 'None')
  }
}

/** A 500 that Kubernetes gives as well: a strategic patch with a list item that lacks its key. */
const KUBERNETES_OWN = /does not contain declared merge key|list element types are not identical/

/** An answer that says whose fault it is: never the server's. */
async function assertAnswered(
  engine: Engine,
  method: string,
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<number> {
  const answer = await engine.call(method, url, body, { headers })
  assert.ok(
    answer.status < 500 || KUBERNETES_OWN.test(answer.text),
    `${method} ${url} ${JSON.stringify(body)}: ${answer.text.slice(0, 500)}`,
  )
  return answer.status
}

/** The same objects in every run: a failure names its seed and can be seen again. */
const SEED = 20_260_101

describe('whatever is sent', () => {
  for (const def of STORED) {
    it(`as ${title(def)} gets an answer that is not an excuse`, async () => {
      await using engine = await startEngine()
      const url = collectionOf(def)
      for (const body of [
        {},
        { metadata: null },
        { metadata: { name: 'a' } },
        { metadata: { name: 'a' }, spec: null, status: null },
        { metadata: { name: 'a' }, spec: {}, status: {} },
        [],
        null,
        1,
        'text',
        '{"a":',
        { kind: 1 },
        { metadata: [] },
      ])
        await assertAnswered(engine, 'POST', url, typeof body === 'string' ? body : JSON.stringify(body))
      const spec = fc.tuple(honestLike(def.schema, 5), fc.constantFrom('object-a', 'object-b'))
      await fc.assert(
        fc.asyncProperty(spec, async ([object, name]) => {
          const sent = {
            ...(object as object),
            apiVersion: undefined,
            kind: undefined,
            metadata: { ...metadataOf(object), name, namespace: undefined, resourceVersion: undefined, uid: undefined },
          }
          const status = await assertAnswered(engine, 'POST', url, JSON.stringify(sent))
          if (status === 409) {
            await assertAnswered(engine, 'PUT', `${url}/${name}`, JSON.stringify(sent))
            for (const type of ['merge-patch', 'strategic-merge-patch'])
              await assertAnswered(engine, 'PATCH', `${url}/${name}`, JSON.stringify(sent), { 'content-type': `application/${type}+json` })
          }
          await assertAnswered(engine, 'GET', url, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
        }),
        { numRuns: 60, seed: SEED },
      )
    })
  }
})

function metadataOf(object: unknown): object {
  const { metadata } = object as { readonly metadata?: unknown }
  return typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? metadata : {}
}
