import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  difference,
  EMPTY_SET,
  equalSets,
  type FieldSet,
  hasPath,
  intersection,
  isSubset,
  members,
  recursiveDifference,
  sorted,
  union,
} from './field-set.ts'

const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:1')
const path = fc.array(element, { minLength: 1, maxLength: 4 })
const paths = fc.array(path, { maxLength: 12 })

/** The plain model: a set of paths as text. */
function modelOf(set: FieldSet): Set<string> {
  return new Set([...members(set)].map((p) => p.join('/')))
}

function setOf(list: readonly (readonly string[])[]): FieldSet {
  return list.map((p) => p.reduceRight<FieldSet>((node, e) => ({ [e]: node }), {})).reduce(union, EMPTY_SET)
}

const set = paths.map(setOf)
const frozen = <T extends FieldSet>(s: T): T => {
  for (const key in s) frozen(s[key] as FieldSet)
  return Object.freeze(s)
}

describe('field sets', () => {
  it('hold exactly the paths put in', () => {
    fc.assert(
      fc.property(paths, (list) => {
        const built = setOf(list)
        assert.deepEqual(modelOf(built), new Set(list.map((p) => p.join('/'))))
        for (const p of list) assert.ok(hasPath(built, p))
      }),
    )
  })
  it('unite, subtract and intersect as sets of paths do, without changing their operands', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const [x, y] = [modelOf(frozen(a)), modelOf(frozen(b))]
        assert.deepEqual(modelOf(union(a, b)), x.union(y))
        assert.deepEqual(modelOf(difference(a, b)), x.difference(y))
        assert.deepEqual(modelOf(intersection(a, b)), x.intersection(y))
        assert.equal(isSubset(a, b), x.isSubsetOf(y))
        const below = (p: string): boolean => [...y].some((q) => p === q || p.startsWith(`${q}/`))
        assert.deepEqual(modelOf(recursiveDifference(a, b)), new Set([...x].filter((p) => !below(p))))
      }),
      { numRuns: 500 },
    )
  })
  it('obey the laws of sets', () => {
    fc.assert(
      fc.property(set, set, set, (a, b, c) => {
        assert.ok(equalSets(union(a, b), union(b, a)))
        assert.ok(equalSets(union(union(a, b), c), union(a, union(b, c))))
        assert.ok(equalSets(union(a, a), a))
        assert.ok(equalSets(union(difference(a, b), intersection(a, b)), a))
        assert.ok(equalSets(intersection(difference(a, b), b), EMPTY_SET))
        assert.equal(difference(a, EMPTY_SET), a)
        assert.deepEqual(sorted(a), a)
      }),
    )
  })
})
