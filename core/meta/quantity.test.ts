import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  addQuantity,
  canonicalQuantity,
  compareQuantity,
  formatQuantity,
  parseQuantity,
  quantityOf,
  quantityProblem,
  roundUpToMilli,
  subQuantity,
  toMilli,
  toUnits,
} from './quantity.ts'

/** Beyond it, values with a binary suffix are capped. */
const MAX_NANO = (2n ** 63n - 1n) * 10n ** 9n
const suffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'E-3', 'e+2']
const number = fc.tuple(fc.integer({ min: 0, max: 999_999_999 }), fc.option(fc.integer({ min: 0, max: 9999 })))
const quantityText = fc
  .tuple(fc.constantFrom('', '-', '+'), number, fc.constantFrom(...suffixes))
  .map(([sign, [whole, fraction], suffix]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${suffix}`)

describe('canonicalQuantity', () => {
  const cases: readonly [string | number, string][] = [
    ['0', '0'],
    ['0.0', '0'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['1.5', '1500m'],
    ['1.500', '1.500'],
    ['0.5', '500m'],
    ['1024Mi', '1Gi'],
    ['1000Mi', '1000Mi'],
    ['12Mi', '12Mi'],
    ['0.5Gi', '512Mi'],
    ['1.5Gi', '1536Mi'],
    ['1000k', '1M'],
    ['1000', '1k'],
    ['100', '100'],
    ['1e3', '1e3'],
    ['10e3', '10e3'],
    ['1000e3', '1e6'],
    ['12E2', '1200'],
    ['1Ki', '1Ki'],
    ['8Ki', '8Ki'],
    ['1024', '1024'],
    ['128974848', '128974848'],
    ['0.1Ki', '102400m'],
    ['2048Ki', '2Mi'],
    ['1.1n', '2n'],
    ['-1.1n', '-2n'],
    ['5.000', '5'],
    [2, '2'],
    [0.25, '250m'],
    ['1n', '1n'],
    ['.5', '500m'],
    ['1.', '1.'],
    ['9999999999999999Ei', '9223372036854775807'],
    ['16E', '16E'],
    [' 1 ', '1'],
  ]
  for (const [given, want] of cases)
    it(`writes ${given} as ${want}`, () => {
      assert.equal(canonicalQuantity(given), want)
    })

  it('keeps the value and is stable when applied again', () => {
    fc.assert(
      fc.property(quantityText, (text) => {
        const once = canonicalQuantity(text)
        assert.equal(parseQuantity(once).nano, parseQuantity(text).nano)
        assert.equal(canonicalQuantity(once), once)
      }),
    )
  })
})

describe('quantityProblem', () => {
  for (const bad of ['', 'abc', '1 Gi', '1..2', '--1', '1e', '5Q'])
    it(`rejects ${JSON.stringify(bad)}`, () => {
      assert.ok(quantityProblem(bad))
    })
  it('tells a wrong suffix from a wrong form', () => {
    assert.equal(quantityProblem('1mi'), "unable to parse quantity's suffix")
    assert.match(quantityProblem('x1') ?? '', /^quantities must match the regular expression/)
  })
})

describe('arithmetic', () => {
  it('rounds up to thousandths and units', () => {
    assert.equal(toMilli(parseQuantity('1.0001')), 1001)
    assert.equal(toUnits(parseQuantity('1500m')), 2)
    assert.equal(toUnits(parseQuantity('-1500m')), -2)
    assert.equal(formatQuantity(roundUpToMilli(parseQuantity('1.23456'))), '1235m')
  })
  it('takes the format of the operand that is not zero', () => {
    assert.equal(formatQuantity(addQuantity(parseQuantity('0'), parseQuantity('1Gi'))), '1Gi')
    assert.equal(formatQuantity(subQuantity(parseQuantity('2Gi'), parseQuantity('1Gi'))), '1Gi')
  })
  it('adds and subtracts exactly', () => {
    fc.assert(
      fc.property(quantityText, quantityText, (a, b) => {
        const [x, y] = [parseQuantity(a), parseQuantity(b)]
        assert.equal(compareQuantity(subQuantity(addQuantity(x, y), y), x), 0)
        const sum = x.nano + y.nano
        if (sum > -MAX_NANO && sum < MAX_NANO) assert.equal(parseQuantity(formatQuantity(addQuantity(x, y))).nano, sum)
      }),
    )
  })
  it('orders as integers do', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), (a, b) => {
        assert.equal(compareQuantity(quantityOf(a), quantityOf(b)), a < b ? -1 : a > b ? 1 : 0)
      }),
    )
  })
})
