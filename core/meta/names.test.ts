import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as names from './names.ts'

const long = (n: number): string => 'a'.repeat(n)

const cases: readonly [keyof typeof names, (value: string) => readonly string[], readonly string[], readonly [string, RegExp][]][] = [
  [
    'dns1123LabelProblems',
    names.dns1123LabelProblems,
    ['a', 'a-b', '1', long(63)],
    [
      ['A', /^a lowercase RFC 1123 label must/],
      ['a.b', /^must not contain dots$/],
      [long(64), /^must be no more than 63 characters$/],
      ['', /RFC 1123 label/],
      ['a\n', /RFC 1123/],
    ],
  ],
  [
    'dns1123SubdomainProblems',
    names.dns1123SubdomainProblems,
    ['a.b', 'x1'],
    [
      ['a..b', /RFC 1123 subdomain/],
      ['-a', /example\.com/],
      [long(254), /253/],
    ],
  ],
  ['dns1035LabelProblems', names.dns1035LabelProblems, ['a1'], [['1a', /DNS-1035 label/]]],
  ['wildcardSubdomainProblems', names.wildcardSubdomainProblems, ['*.a.b'], [['a.b', /wildcard DNS-1123/]]],
  [
    'qualifiedNameProblems',
    names.qualifiedNameProblems,
    ['a', 'a.b/C_d', long(63)],
    [
      ['/a', /^prefix part must be non-empty$/],
      ['a/', /^name part must be non-empty$/],
      ['a/b/c', /^a valid label key must consist/],
      ['A/b', /^prefix part a lowercase/],
      [long(64), /^name part must be no more than 63/],
    ],
  ],
  ['labelValueProblems', names.labelValueProblems, ['', 'a.B_c'], [['-a', /a valid label must be an empty string/]]],
  ['annotationKeyProblems', names.annotationKeyProblems, ['EXAMPLE.com/x'], [['a b', /name part/]]],
  [
    'configMapKeyProblems',
    names.configMapKeyProblems,
    ['a.b', '.a'],
    [
      ['..', /^must not be '\.\.'$/],
      ['..a', /must not start with '\.\.'/],
      ['a/b', /valid config key/],
    ],
  ],
  [
    'envVarNameProblems',
    names.envVarNameProblems,
    ['A b', '1'],
    [
      ['', /must be non-empty/],
      ['a=b', /printable ASCII/],
      ['é', /printable ASCII/],
    ],
  ],
  [
    'portNameProblems',
    names.portNameProblems,
    ['http', 'a-1'],
    [
      ['1', /at least one letter/],
      ['a--b', /consecutive/],
      ['-a', /begin or end/],
      ['A', /alpha-numeric/],
      [long(16), /15/],
    ],
  ],
  [
    'pathSegmentProblems',
    names.pathSegmentProblems,
    ['system:node', 'A b'],
    [
      ['.', /^may not be '\.'$/],
      ['a/b', /may not contain '\/'/],
      ['a%', /may not contain '%'/],
    ],
  ],
]

for (const [name, problems, good, bad] of cases)
  describe(name, () => {
    for (const value of good) it(`accepts ${JSON.stringify(value)}`, () => assert.deepEqual(problems(value), []))
    for (const [value, text] of bad)
      it(`rejects ${JSON.stringify(value)}`, () => {
        assert.ok(
          problems(value).some((problem) => text.test(problem)),
          problems(value).join(),
        )
      })
  })

describe('maskTrailingDash', () => {
  it('makes a prefix checkable as a name', () => {
    assert.equal(names.maskTrailingDash('web-'), 'wea')
    assert.equal(names.maskTrailingDash('-'), '-')
  })
})
