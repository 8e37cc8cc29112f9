import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatLabelSelector, formatSelector, matchesLabels, parseLabelSelector, selectorOf } from './selector.ts'
import { StatusError } from './status-error.ts'

describe('parseLabelSelector', () => {
  const cases: readonly { text: string; labels: Record<string, string>; want: boolean; form?: string }[] = [
    { text: '', labels: {}, want: true },
    { text: 'a=b', labels: { a: 'b' }, want: true },
    { text: 'a==b', labels: { a: 'c' }, want: false },
    { text: 'a!=b', labels: {}, want: true },
    { text: 'a in (b, c)', labels: { a: 'c' }, want: true, form: 'a in (b,c)' },
    { text: 'a notin (b,c)', labels: { a: 'c' }, want: false },
    { text: 'a notin (b,c)', labels: {}, want: true },
    { text: 'a', labels: { a: '' }, want: true },
    { text: '!a', labels: { a: '' }, want: false },
    { text: 'a=', labels: { a: '' }, want: true },
    { text: 'a in (,b)', labels: { a: '' }, want: true },
    { text: 'a in (b,)', labels: { a: '' }, want: true, form: 'a in (,b)' },
    { text: 'n>5', labels: { n: '6' }, want: true },
    { text: 'n<5', labels: { n: 'x' }, want: false },
    { text: 'in in (notin)', labels: { in: 'notin' }, want: true },
    { text: 'z=1,a=2', labels: { z: '1', a: '2' }, want: true, form: 'a=2,z=1' },
    { text: 'constructor', labels: {}, want: false },
  ]
  for (const { text, labels, want, form } of cases)
    it(`${JSON.stringify(text)} on ${JSON.stringify(labels)} is ${want}`, () => {
      const selector = parseLabelSelector(text)
      assert.equal(matchesLabels(selector, labels), want)
      assert.equal(formatSelector(selector), form ?? text)
      assert.deepEqual(parseLabelSelector(formatSelector(selector)), selector)
    })

  const failures: readonly [string, string][] = [
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    [',a', "found ',', expected: !, identifier, or 'end of string'"],
    ['a,', "found '', expected: identifier after ','"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a foo b', "unable to parse requirement: found 'foo', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in ()', "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"],
    [
      'a=b$',
      "unable to parse requirement: values[0][a]: Invalid value: \"b$\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  ]
  for (const [text, message] of failures)
    it(`rejects ${text}`, () => {
      assert.throws(
        () => parseLabelSelector(text),
        (err) => err instanceof StatusError && err.code === 400 && err.message === message,
      )
    })
})

describe('selectorOf', () => {
  it('matches nothing when absent and everything when empty', () => {
    assert.equal(matchesLabels(selectorOf(undefined), {}), false)
    assert.equal(matchesLabels(selectorOf({}), {}), true)
  })
  it('joins labels and expressions', () => {
    const source = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['b', 'a'] }] }
    assert.equal(formatLabelSelector(source), 'app=web,tier notin (a,b)')
    assert.equal(matchesLabels(selectorOf(source), { app: 'web' }), true)
    assert.equal(matchesLabels(selectorOf(source), { app: 'web', tier: 'a' }), false)
  })
  it('rejects an operator it does not know', () => {
    assert.throws(() => selectorOf({ matchExpressions: [{ key: 'a', operator: 'Like' }] }), {
      message: '"Like" is not a valid label selector operator',
    })
    assert.equal(formatLabelSelector({}), '<none>')
  })
})
