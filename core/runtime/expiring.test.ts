import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Expiring } from './expiring.ts'

describe('Expiring', () => {
  it('asks once while a value counts, and again afterwards', async () => {
    let now = 0
    let asked = 0
    const values = new Expiring<number>(
      (value) => (value === 1 ? 100 : 10),
      () => now,
    )
    const get = (): Promise<number> => values.get('a', () => Promise.resolve(++asked))
    assert.deepEqual(await Promise.all([get(), get()]), [1, 1])
    now = 99
    assert.equal(await get(), 1)
    now = 100
    assert.equal(await get(), 2)
    now = 110
    assert.equal(await get(), 3)
  })

  it('forgets a failure at once, and the oldest of too many', async () => {
    const values = new Expiring<string>(100, () => 0)
    await assert.rejects(
      values.get('a', () => Promise.reject(new Error('no'))),
      /no/,
    )
    assert.equal(await values.get('a', () => Promise.resolve('yes')), 'yes')
    for (let i = 0; i < 1_000; i += 1) await values.get(String(i), () => Promise.resolve('x'))
    assert.equal(await values.get('a', () => Promise.resolve('again')), 'again')
  })
})
