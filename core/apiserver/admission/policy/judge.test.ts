import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ValidatingAdmissionPolicy } from '../../../api/types/admissionregistration-v1.ts'
import { fromJson } from '../../cel/json.ts'
import { AuthorizerValue } from '../../cel/library/authorizer.ts'
import type { Value } from '../../cel/values.ts'
import { compilePolicy } from './compiled.ts'
import { judge } from './judge.ts'

const object = fromJson({ items: Array.from({ length: 2_000 }, (_, index) => index) })
const ENDLESS = 'object.items.all(x, object.items.all(y, x + y >= 0))'

const asker = { authorizer: { authorize: () => ({ allowed: true, reason: '' }) }, user: { name: 'u', groups: [] } }
const variables: Readonly<Record<string, Value>> = { object, authorizer: new AuthorizerValue(asker) }

const failures = (count: number, failurePolicy: 'Fail' | 'Ignore' = 'Fail', expression = ENDLESS): readonly string[] => {
  const spec = { failurePolicy, validations: Array.from({ length: count }, () => ({ expression })) }
  const compiled = compilePolicy(spec)
  const policy = { metadata: { name: 'p' }, spec, status: {} } as unknown as ValidatingAdmissionPolicy
  const bound = { policy, binding: { metadata: { name: 'b' }, spec: {} } as never, compiled: () => compiled }
  return judge(bound, { variable: (name) => variables[name], params: null }).failures.map(({ message }) => message)
}

describe('the work of a policy', () => {
  it('is bounded for each expression', () => {
    assert.deepEqual(
      failures(2),
      Array(2).fill(`expression '${ENDLESS}' resulted in error: operation cancelled: actual cost limit exceeded`),
    )
  })

  it('is bounded for all expressions together', () => {
    assert.deepEqual(failures(12), ['validation failed due to running out of cost budget, no further validation rules will be run'])
    assert.deepEqual(failures(12, 'Ignore'), [])
  })

  const annotated = (valueExpression: string, failurePolicy: 'Fail' | 'Ignore'): ReturnType<typeof judge> => {
    const spec = { failurePolicy, auditAnnotations: [{ key: 'k', valueExpression }] }
    const policy = { metadata: { name: 'p' }, spec, status: {} } as unknown as ValidatingAdmissionPolicy
    const bound = { policy, binding: { metadata: { name: 'b' }, spec: {} } as never, compiled: () => compilePolicy(spec) }
    return judge(bound, { variable: () => object, params: null })
  }

  it('tells what it wants recorded, and fails when that cannot be evaluated', () => {
    assert.deepEqual(annotated("' of ' + string(object.items[7])", 'Fail').annotations, [['k', 'of 7']])
    assert.deepEqual(annotated("'  '", 'Fail'), { failures: [], errors: [], annotations: [] })
    assert.equal(annotated("'x' + 'x'.substring(0).replace('x', '" + 'y'.repeat(20_000) + "')", 'Fail').annotations[0]?.[1].length, 10_240)
    assert.match(
      annotated('string(object.none)', 'Fail').errors[0]?.message ?? '',
      /^valueExpression 'string\(object\.none\)' resulted in error: no such key: none/,
    )
    assert.deepEqual(annotated('string(object.none)', 'Ignore').errors, [])
  })

  it('allows two questions about permissions in one expression', () => {
    const ask = `authorizer.group('').resource('pods').check('get').allowed()`
    assert.deepEqual(failures(1, 'Fail', [ask, ask].join(' && ')), [])
    assert.match(failures(1, 'Fail', [ask, ask, ask].join(' && '))[0] ?? '', /actual cost limit exceeded$/)
  })
})
