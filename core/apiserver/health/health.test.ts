import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHealthChecks } from './health.ts'

async function ask(
  path: string,
  problems: Readonly<Record<string, string | undefined>> = {},
): Promise<{ status: number; text: string; failures: string[] }> {
  const failures: string[] = []
  const health = createHealthChecks((name, problem) => failures.push(`${name}: ${problem}`))
  for (const [name, problem] of Object.entries(problems)) health.add({ name, check: () => problem })
  health.add({ name: 'started', endpoints: ['readyz'], check: () => Promise.reject(new Error('not yet')) })
  const [before = '', query] = path.split('?')
  const response = await health.handle({ path: before, query: new URLSearchParams(query) })
  assert.ok(response?.body instanceof Uint8Array)
  return { status: response.status, text: Buffer.from(response.body).toString(), failures }
}

describe('health endpoints', () => {
  it('say ok and nothing else', async () => {
    assert.deepEqual(await ask('/livez'), { status: 200, text: 'ok', failures: [] })
  })

  it('list their checks when asked', async () => {
    const { text } = await ask('/healthz?verbose', { store: undefined })
    assert.equal(text, '[+]ping ok\n[+]store ok\nhealthz check passed\n')
  })

  it('fail with the list, without reasons', async () => {
    const { status, text, failures } = await ask('/readyz', { store: undefined })
    assert.equal(status, 500)
    assert.equal(text, '[+]ping ok\n[+]store ok\n[-]started failed: reason withheld\nreadyz check failed\n')
    assert.deepEqual(failures, ['started: not yet'])
  })

  it('leave out what is excluded', async () => {
    assert.equal((await ask('/readyz?exclude=started')).status, 200)
    assert.match((await ask('/livez?exclude=none&verbose')).text, /no matches for "none"/)
  })

  it('answer for one check', async () => {
    assert.equal((await ask('/livez/store', { store: 'disk full' })).status, 500)
    assert.equal((await ask('/livez/ping')).text, 'ok')
    assert.equal((await ask('/livez/started')).status, 404)
  })
})
