import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Awaitable, after, lastly, recover } from './awaitable.ts'

const failing = (): never => {
  throw new Error('no')
}

describe('values that may be here already', () => {
  it('stay out of the microtask queue when they are', () => {
    const order: string[] = []
    queueMicrotask(() => order.push('microtask'))
    const sum = after(1, (one) => after(one + 1, (two) => two + 1))
    order.push('here')
    assert.equal(sum, 3)
    assert.deepEqual(order, ['here'])
  })

  it('are waited for when they are not', async () => {
    const sum: Awaitable<number> = after(Promise.resolve(1), (one) => one + 1)
    assert.ok(sum instanceof Promise)
    assert.equal(await sum, 2)
  })

  it('recover from what is thrown and from what is rejected', async () => {
    const message = (err: unknown): string => (err instanceof Error ? err.message : '')
    assert.equal(recover(failing, message), 'no')
    assert.equal(await recover(() => Promise.reject(new Error('later')), message), 'later')
    assert.equal(
      recover(() => 'fine', message),
      'fine',
    )
  })

  it('are followed by the last step exactly once, however they end', async () => {
    let ended = 0
    const last = (): void => {
      ended += 1
    }
    assert.equal(
      lastly(() => 'here', last),
      'here',
    )
    assert.throws(() => lastly(failing, last), /no/)
    await assert.rejects(async () => lastly(() => Promise.reject(new Error('later')), last), /later/)
    assert.equal(await lastly(() => Promise.resolve('later'), last), 'later')
    assert.equal(ended, 4)
  })
})
